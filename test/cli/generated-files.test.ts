/** completions/, man/ and docs/reference/ are what the code says, and their readers read them. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { commands } from '../../src/cli/commands/index.js';
import { generatedFiles } from '../../src/cli/generated-files.js';
import { projectRoot, runCtq } from '../support/ctq-process.js';
import { describeWith } from '../support/requires.js';

const pages = readdirSync(join(projectRoot, 'man'));

function stored(): Map<string, string> {
  const paths = ['completions', 'man', 'docs/reference'].flatMap((folder) =>
    readdirSync(join(projectRoot, folder)).map((name) => `${folder}/${name}`),
  );
  return new Map(paths.map((path) => [path, readFileSync(join(projectRoot, path), 'utf8')]));
}

interface ApiTool {
  apiReference(root: string): string;
}

describe('completions/, man/ and docs/reference/', () => {
  it('are what the code gives ("npm run generate" writes them)', async () => {
    const tables = join(projectRoot, 'src', 'config', 'settings');
    const settings = readdirSync(tables).sort();
    const files = new Map(await generatedFiles(settings.map((name) => readFileSync(join(tables, name), 'utf8')).join('')));
    const tool = (await import(new URL('../../tools/api-reference.mjs', import.meta.url).href)) as ApiTool;
    files.set('docs/reference/api.md', tool.apiReference(projectRoot));
    expect([...stored().keys()].sort()).toEqual([...files.keys()].sort());
    for (const [path, text] of files) expect(`${path}\n${stored().get(path)}`).toBe(`${path}\n${text}`);
  });

  it('hold a page for each command, which package.json names', () => {
    const { man } = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as { man: string[] };
    expect(pages.sort()).toEqual(['ctq.1', ...commands.map(({ name }) => `ctq-${name}.1`)].sort());
    expect(man.sort()).toEqual(pages.map((page) => `./man/${page}`));
  });

  it('hold what ctq completion prints', async () => {
    for (const [shell, file] of [
      ['bash', 'ctq.bash'],
      ['zsh', '_ctq'],
      ['fish', 'ctq.fish'],
      ['powershell', 'ctq.ps1'],
    ] as const) {
      const { stdout, stderr, code } = await runCtq(['completion', shell]);
      expect([code, stderr]).toEqual([0, '']);
      expect(stdout).toBe(stored().get(`completions/${file}`));
    }
  });

  it('are ASCII, which every shell and every roff reads in any locale', () => {
    const inShells = [...stored()].filter(([path]) => !path.startsWith('docs/'));
    expect(inShells.filter(([, text]) => /[^\n\t -~]/.test(text)).map(([path]) => path)).toEqual([]);
  });
});

describeWith('mandb', 'man', () => {
  it.each(pages)('renders %s without a warning', (page) => {
    const { stdout, stderr } = spawnSync('man', ['--warnings', '-E', 'UTF-8', '-l', join(projectRoot, 'man', page)], {
      encoding: 'utf8',
      env: { ...process.env, LC_ALL: 'C.UTF-8', MANWIDTH: '80', MANPAGER: 'cat', MAN_KEEP_FORMATTING: '' },
    });
    expect(stderr).toBe('');
    expect(stdout).toMatch(/NAME[\s\S]*SYNOPSIS[\s\S]*ctq[\s\S]*EXIT STATUS[\s\S]*SEE ALSO/);
  });
});
