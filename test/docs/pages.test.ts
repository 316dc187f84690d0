/** What stands in the project's Markdown is so: links lead somewhere, code compiles, command lines are understood. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, posix, relative } from 'node:path';
import { load } from 'js-yaml';
import { parseSync } from 'oxc-parser';
import { afterAll, describe, expect, it } from 'vitest';
import { commands } from '../../src/cli/commands/index.js';
import { splitCommandLine } from '../../src/cli/command-line.js';
import { parseCommand } from '../../src/cli/program.js';
import { projectRoot } from '../support/ctq-process.js';
import {
  anchorsOf,
  codeIn,
  type Fence,
  fencesOf,
  markdownFiles,
  proseOf,
  readPage,
  relativeLinks,
  sectionsOf,
  shellWords,
  tableRows,
} from '../support/markdown.js';

const files = markdownFiles();
interface PageFence extends Fence {
  readonly path: string;
}
const fences: PageFence[] = files.flatMap((path) => fencesOf(readPage(path)).map((fence) => Object.assign(fence, { path })));
const placeOf = ({ path, line }: PageFence): string => `${path}:${line}`;

describe('links', () => {
  const anchors = new Map<string, Set<string>>();
  const anchorsIn = (path: string): Set<string> => {
    const known = anchors.get(path) ?? anchorsOf(readPage(path));
    anchors.set(path, known);
    return known;
  };

  it('lead to files and headings that are there', () => {
    const links = files.flatMap((path) => relativeLinks(path, readPage(path)).map((link) => Object.assign(link, { path })));
    const broken = links.flatMap(({ path, link, file, anchor }) => {
      if (!existsSync(join(projectRoot, file))) return [`${path}: ${link}`];
      return anchor !== undefined && file.endsWith('.md') && !anchorsIn(file).has(anchor) ? [`${path}: ${link} (no such heading)`] : [];
    });
    expect(broken).toEqual([]);
    expect(links.length).toBeGreaterThan(150);
  });

  it('of docs/README.md lead to every page of docs/, and those of its index to every decision', () => {
    const linked = (page: string): string[] =>
      [...readPage(page).matchAll(/\]\(([^)#]+)/g)].map(([, link = '']) => posix.normalize(posix.join(posix.dirname(page), link)));
    const pages = files.filter((path) => path.startsWith('docs/') && !path.startsWith('docs/decisions/') && path !== 'docs/README.md');
    expect(pages.filter((path) => !linked('docs/README.md').includes(path))).toEqual([]);
    const decisions = files.filter((path) => /^docs\/decisions\/\d/.test(path));
    expect(decisions.filter((path) => !linked('docs/decisions/README.md').includes(path))).toEqual([]);
  });
});

describe('the reference', () => {
  it('says of everything that can be imported what it is', () => {
    const silent = sectionsOf(readPage('docs/reference/api.md')).filter(
      ({ level, text }) => level === 3 && !/^[\w`].{10}/m.test(proseOf(text)),
    );
    expect(silent.map(({ heading }) => heading)).toEqual([]);
  });

  it('says of every setting what it is for, in its row or for all of its chapter', () => {
    const chapters = sectionsOf(readPage('docs/reference/settings.md')).filter(({ level }) => level === 2);
    const silent = chapters
      .filter(({ heading }) => !/^The parts of a broker URL|^Redis as result backend/.test(heading))
      .flatMap(({ text }) => tableRows(text).filter((row) => (row.at(-1) ?? '').length < 8));
    expect(silent.map(([name]) => name)).toEqual([]);
    expect(chapters.flatMap(({ text }) => tableRows(text)).length).toBeGreaterThan(150);
  });
});

describe('pictures', () => {
  it('of the architecture name files that are there', () => {
    const picture = readFileSync(join(projectRoot, 'docs', 'img', 'architecture.svg'), 'utf8');
    const named = [...picture.matchAll(/[\w-]+(?:\/[\w-]+)*\.ts/g)].map(([name]) => name);
    expect(named.length).toBeGreaterThan(8);
    expect(named.filter((name) => !existsSync(join(projectRoot, 'src', name)))).toEqual([]);
  });

  it('of the terminal show the columns and keys that ctq top has today (node tools/picture.mjs makes it anew)', () => {
    const loosely = (text: string): string => text.replaceAll(/ +/g, ' ').trim();
    const today = loosely(readFileSync(join(projectRoot, 'test', 'unit', 'cli', 'top', '__snapshots__', 'render.test.ts.snap'), 'utf8'));
    const shown = terminalLines().filter((line) => /[▴▾]|q {2}quit/.test(line));
    expect(new Set(shown.filter((line) => /[▴▾]/.test(line))).size).toBeGreaterThanOrEqual(3);
    const parts = shown.flatMap((line) => (line.includes('quit') ? line.split(/ {2,}(?=\S)/) : [line])).map(loosely);
    const known = parts.filter((part) => part.length > 2);
    expect(known.length).toBeGreaterThan(10);
    expect(known.filter((part) => !today.includes(part))).toEqual([]);
  });
});

/** What stands in docs/img/terminal.svg, line for line of each of its moments. */
function terminalLines(): string[] {
  const picture = readFileSync(join(projectRoot, 'docs', 'img', 'terminal.svg'), 'utf8');
  const lines: string[] = [];
  for (const moment of picture.split('<g ')) {
    let last: string | undefined;
    for (const [, x = '', y = '', escaped = ''] of moment.matchAll(/<text x="([\d.]+)" y="([\d.]+)"[^>]*>([^<]*)</g)) {
      const text = escaped.replaceAll('&gt;', '>').replaceAll('&lt;', '<').replaceAll('&amp;', '&');
      if (y === last) lines.push(`${lines.pop()}${x === '16' ? '' : ' '}${text}`);
      else lines.push(text);
      last = y;
    }
  }
  return lines;
}

describe('code', () => {
  const snippets = join(projectRoot, 'node_modules', '.ctq-snippets');
  afterAll(() => rmSync(snippets, { recursive: true, force: true }));

  it('in TypeScript compiles against the package', () => {
    // The types of the reference are taken out of the compiled sources.
    const blocks = fences.filter(
      ({ language, mark, path }) => language === 'ts' && mark !== 'no-check' && !path.startsWith('docs/reference/'),
    );
    expect(blocks.length).toBeGreaterThan(10);
    rmSync(snippets, { recursive: true, force: true });
    const names = new Map<string, string>();
    for (const block of blocks) {
      const name = `${block.path.replaceAll(/[^\w]/g, '_')}_${block.line}.ts`;
      names.set(name, placeOf(block));
      write(join(snippets, name), `${block.text}\nexport {};\n`);
    }
    write(join(snippets, 'prelude.d.ts'), readFileSync(join(projectRoot, 'test', 'docs', 'prelude.txt'), 'utf8'));
    const { compilerOptions } = JSON.parse(readFileSync(join(projectRoot, 'tsconfig.json'), 'utf8')) as {
      compilerOptions: { paths: Record<string, string[]> };
    };
    const paths = Object.fromEntries(Object.entries(compilerOptions.paths).map(([name, [path = '']]) => [name, [join(projectRoot, path)]]));
    const options = { ...compilerOptions, paths, noUnusedLocals: false, noUnusedParameters: false };
    write(join(snippets, 'tsconfig.json'), JSON.stringify({ compilerOptions: options, files: ['prelude.d.ts', ...names.keys()] }));
    expect(compile(names)).toEqual([]);
  }, 120_000);

  function compile(names: ReadonlyMap<string, string>): string[] {
    try {
      execFileSync(
        process.execPath,
        [join(projectRoot, 'node_modules', 'typescript', 'bin', 'tsc'), '--noEmit', '--pretty', 'false', '-p', snippets],
        {
          cwd: snippets,
          encoding: 'utf8',
        },
      );
      return [];
    } catch (error) {
      const { stdout } = error as { stdout: string };
      // What is wrong elsewhere is told by the check of types.
      const own = stdout.split('\n').filter((line) => /^\w+\.ts\(|^prelude/.test(line));
      return own.map((line) =>
        line.replace(/^(\w+\.ts)\((\d+),/, (_all, name: string, inside: string) => `${names.get(name)} +${inside} (`),
      );
    }
  }

  it('in JavaScript, JSON and YAML can be read', () => {
    const wrong: string[] = [];
    for (const fence of fences) {
      const problem = problemOf(fence);
      if (problem !== undefined) wrong.push(`${placeOf(fence)}: ${problem}`);
    }
    expect(wrong).toEqual([]);
  });
});

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

function problemOf({ language, text, mark }: PageFence): string | undefined {
  if (mark === 'no-check') return undefined;
  try {
    if (language === 'json') readJson(text);
    if (language === 'yaml') load(text);
    if (language === 'js' || language === 'ts') {
      const [error] = parseSync(`snippet.${language}`, text).errors;
      return error?.message;
    }
    return undefined;
  } catch (error) {
    return String(error);
  }
}

/** One document, or one a line. */
function readJson(text: string): void {
  try {
    JSON.parse(text);
  } catch {
    for (const line of text.split('\n')) if (line.trim() !== '') JSON.parse(line);
  }
}

describe('command lines', () => {
  interface Line {
    readonly place: string;
    readonly text: string;
    /** In running text a line may leave out values and arguments; what a page shows as wrong is wrong. */
    readonly kind: 'to be typed' | 'mentioned';
  }
  const typedInThePicture = terminalLines().filter((text) => text.startsWith('$ ctq'));
  const lines: Line[] = [
    ...fences.flatMap((fence) => {
      const kind = fence.language === 'console' ? 'mentioned' : 'to be typed';
      // Those are typed by a test, mistakes that a page shows on purpose among them.
      if (fence.language === 'console' && fence.mark !== '') return [];
      const texts = fence.text
        .split('\n')
        .filter((text) => (fence.language === 'console' ? text.startsWith('$ ') : /^(sh|dockerfile)$/.test(fence.language)));
      return texts.map((text) => ({ place: placeOf(fence), text, kind }) as const);
    }),
    ...files.flatMap((path) => codeIn(proseOf(readPage(path))).map((text) => ({ place: path, text, kind: 'mentioned' }) as const)),
    ...deploymentLines().map(([place, text]) => ({ place, text, kind: 'to be typed' }) as const),
    ...typedInThePicture.map((text) => ({ place: 'docs/img/terminal.svg', text, kind: 'to be typed' }) as const),
  ];

  it('of ctq are understood by it', async () => {
    const wrong: string[] = [];
    let seen = 0;
    for (const { place, text, kind } of lines) {
      const command = /(?:^(?:\$ )?\s*(?:\w+=\S+ )*|[;&|(] *|\bdo )(?:npx )?(ctq [a-z-].*)$/.exec(
        text.replace(/^ExecStart=\S*\/ctq/, 'ctq'),
      )?.[1];
      if (command === undefined || !isCommand(command)) continue;
      seen += 1;
      const problem = await problemWith(command);
      if (problem !== undefined && (kind === 'to be typed' || problem.startsWith('unknown option')))
        wrong.push(`${place}: ${command}: ${problem}`);
    }
    expect(wrong).toEqual([]);
    expect(seen).toBeGreaterThan(200);
  });

  /** Not a sentence, an error message or a pattern: `ctq <command>`, `ctq: …`. */
  function isCommand(line: string): boolean {
    const [, first = ''] = line.split(' ');
    return commands.some(({ name }) => name === first) || first.startsWith('-');
  }

  async function problemWith(line: string): Promise<string | undefined> {
    try {
      // Placeholders stand for a word, `…` for more.
      const words = shellWords(line.replaceAll(/<[\w |-]+…?>/g, '1').replaceAll('\\|', '|'))
        .slice(1)
        .filter((word) => !/^(…|\.\.\.)$/.test(word));
      const { command, rest } = splitCommandLine(words);
      const spec = await commands.find(({ name }) => name === command)?.load();
      if (spec === undefined) return undefined;
      parseCommand(
        { ...spec, arguments: spec.arguments.map(({ name, summary, variadic = false }) => ({ name, summary, variadic, required: false })) },
        rest,
        {
          version: '',
          width: 80,
        },
      );
      return undefined;
    } catch (error) {
      return (error as Error).message;
    }
  }
});

/** What the files of the deployment example start. */
function deploymentLines(): (readonly [string, string])[] {
  const folder = join(projectRoot, 'examples', 'deployment');
  return readdirSync(folder).flatMap((name) => {
    const text = readFileSync(join(folder, name), 'utf8');
    const place = relative(projectRoot, join(folder, name));
    const lists = [...text.matchAll(/(?:CMD|command:) (\[.*\])$/gm)].map(([, list = '']) => (load(list) as string[]).join(' '));
    const found = [...text.matchAll(/^ExecStart=.*$/gm)].map(([line]) => line);
    return lists.concat(found).map((line) => [place, line] as const);
  });
}
