/** What the tests of the documentation need to know of Markdown: fences, headings, tables, links. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { projectRoot } from './ctq-process.js';

export interface Fence {
  readonly language: string;
  /** What follows the language: `run` in "```console run". */
  readonly mark: string;
  readonly text: string;
  /** Of the first line inside, counted from 1. */
  readonly line: number;
  /** What the comment above it says about it: `<!-- not run: … -->`, `<!-- not run, "npm install", "curl": … -->`. */
  readonly notRun: readonly NotRun[];
  /** `<!-- keys of: ctq doctor --json -->`: a command that prints a document of this shape. */
  readonly keysOf: string | undefined;
}

export interface NotRun {
  readonly reason: string;
  /** The lines that begin so; none: the whole block. */
  readonly lines: readonly string[];
}

export interface Section {
  readonly heading: string;
  readonly level: number;
  /** Up to the next heading of any level. */
  readonly text: string;
}

/** All pages of the project. */
export function markdownFiles(): string[] {
  const listing = execFileSync('git', ['ls-files', '*.md'], {
    cwd: projectRoot,
    encoding: 'utf8',
  });
  return listing.split('\n').filter((path) => path !== '' && existsSync(join(projectRoot, path)));
}

export function readPage(path: string): string {
  return readFileSync(join(projectRoot, path), 'utf8');
}

export function fencesOf(markdown: string): Fence[] {
  const fences: Fence[] = [];
  const pattern = /^( *)(`{3,})([\w-]*) *([^\n]*)\n([\s\S]*?)^\1\2 *$/gm;
  for (const match of markdown.matchAll(pattern)) {
    const [, indent = '', , language = '', mark = '', text = ''] = match;
    const line = markdown.slice(0, match.index).split('\n').length + 1;
    const comments = commentsAbove(markdown.slice(0, match.index));
    fences.push({ language, mark: mark.trim(), text: text.replaceAll(new RegExp(`^${indent}`, 'gm'), ''), line, ...comments });
  }
  return fences;
}

/** Of the comments that stand right above a block. */
function commentsAbove(before: string): Pick<Fence, 'notRun' | 'keysOf'> {
  const above = /(?:<!--(?:(?!-->)[\s\S])*-->\s*)+$/.exec(before)?.[0] ?? '';
  const comments = [...above.matchAll(/<!--\s*([\s\S]*?)\s*-->/g)].map(([, text = '']) => text.replaceAll(/\s+/g, ' '));
  const notRun = comments.flatMap((comment) => {
    const [, lines, reason = ''] = /^not run((?:, "[^"]+")*): (.+)$/.exec(comment) ?? [];
    return lines === undefined ? [] : [{ reason, lines: [...lines.matchAll(/"([^"]+)"/g)].map(([, line = '']) => line) }];
  });
  return { notRun, keysOf: comments.map((comment) => /^keys of: (.+)$/.exec(comment)?.[1]).find((one) => one !== undefined) };
}

/** The page without its code, line for line. */
export function proseOf(markdown: string): string {
  return markdown.replaceAll(/^( *)(`{3,})[^\n]*\n[\s\S]*?^\1\2 *$/gm, (block) => block.replaceAll(/[^\n]/g, ''));
}

export function sectionsOf(markdown: string): Section[] {
  const sections: Section[] = [];
  let current = { heading: '', level: 0, lines: [] as string[] };
  const end = (): void => void sections.push({ heading: current.heading, level: current.level, text: current.lines.join('\n') });
  const inCode = new Set(fencesOf(markdown).flatMap(({ text, line }) => text.split('\n').map((_, index) => line + index)));
  for (const [index, line] of markdown.split('\n').entries()) {
    const match = inCode.has(index + 1) ? null : /^(#{1,6}) +(.+?) *#*$/.exec(line);
    if (match === null) current.lines.push(line);
    else {
      end();
      current = { heading: match[2] ?? '', level: match[1]?.length ?? 1, lines: [] };
    }
  }
  end();
  return sections;
}

/** Rows of all tables of a text, without their headings; a cell's `\|` is a bar. */
export function tableRows(text: string): string[][] {
  const rows = text.split('\n').filter((line) => /^\|.*\|$/.test(line.trim()));
  const headless = rows.filter((line, index) => !isRule(line) && !isRule(rows[index + 1] ?? ''));
  return headless.map((line) =>
    line
      .trim()
      .slice(1, -1)
      .split(/(?<!\\)\|/)
      .map((cell) => cell.trim().replaceAll(String.raw`\|`, '|')),
  );
}

function isRule(line: string): boolean {
  return /^\|[ :|-]+\|$/.test(line.trim());
}

export interface RelativeLink {
  readonly link: string;
  /** From the root of the project. */
  readonly file: string;
  readonly anchor: string | undefined;
}

/** Links and pictures of a page that lead to other files of the project. */
export function relativeLinks(path: string, markdown: string): RelativeLink[] {
  const prose = proseOf(markdown).replaceAll(/`[^`\n]*`/g, '``');
  const links = [...prose.matchAll(/\]\(<?([^)\s>]+)>?(?: "[^"]*")?\)/g)].map(([, link = '']) => link);
  return links
    .filter((link) => !/^[a-z]+:/.test(link))
    .map((link) => {
      const [target = '', anchor] = link.split('#', 2);
      return { link, anchor, file: target === '' ? path : posix.normalize(posix.join(posix.dirname(path), decodeURI(target))) };
    });
}

/** What stands in backquotes. */
export function codeIn(text: string): string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code);
}

/** The anchors of a page by GitHub's rule: lower case, spaces to dashes, all else but letters, digits, - and _ dropped; repeated ones numbered. */
export function anchorsOf(markdown: string): Set<string> {
  const anchors = new Set<string>();
  for (const { heading, level } of sectionsOf(markdown)) {
    if (level === 0) continue;
    const plain = heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1');
    const base = plain
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\p{M} _-]/gu, '')
      .replaceAll(' ', '-');
    let anchor = base;
    for (let count = 1; anchors.has(anchor); count += 1) anchor = `${base}-${count}`;
    anchors.add(anchor);
  }
  for (const [, id = ''] of markdown.matchAll(/<a (?:id|name)="([^"]+)"/g)) anchors.add(id);
  return anchors;
}

/** The words of a command line, up to a comment, a pipe or whatever else the shell does with it. */
export function shellWords(line: string): string[] {
  const words: string[] = [];
  const pattern = /\s*(?:(#.*)|(&&|\|\||[|&;<>]|\d?>)|((?:"(?:[^"\\]|\\.)*"|'[^']*'|\\.|[^\s"'|&;<>\\])+))/gy;
  for (const [, comment, operator, word = ''] of line.matchAll(pattern)) {
    if (comment !== undefined || operator !== undefined) break;
    words.push(
      word.replaceAll(
        /"((?:[^"\\]|\\.)*)"|'([^']*)'|\\(.)/g,
        (_all, double?: string, single?: string, escaped?: string) => double?.replaceAll(/\\(["\\$`])/g, '$1') ?? single ?? escaped ?? '',
      ),
    );
  }
  return words;
}
