/**
 * Pages that show what the program prints: their files are written, their commands typed on a terminal, and what they print is compared
 * with the page. `CTQ_DOCS=write npx vitest run test/docs/printed.test.ts` writes what they print into the pages.
 */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { projectRoot, startCtq } from '../support/ctq-process.js';
import { type Fence, fencesOf, readPage, shellWords } from '../support/markdown.js';
import type { OwnedProcess } from '../support/owned-process.js';
import { describeWith } from '../support/requires.js';
import { TestTerminal } from '../support/terminal.js';
import { tmpFolder, writeFiles } from '../support/tmp.js';

const PAGES = ['docs/tutorial.md', 'docs/troubleshooting.md', 'docs/guides/configuration.md', 'docs/migration.md'];
const COLUMNS = 160;
const WORLD = { NO_COLOR: '1', TZ: 'UTC' };

interface Step {
  readonly command: string;
  readonly prints: string;
}

function stepsOf({ text }: Fence): Step[] {
  return text
    .split(/^\$ /m)
    .slice(1)
    .map((part) => {
      const [command = '', ...prints] = part.trimEnd().split('\n');
      return { command, prints: prints.join('\n') };
    });
}

/** What follows `ctq` or `npx ctq`. */
function ctqWords(command: string): string[] {
  const words = shellWords(command);
  return words.slice(words[0] === 'npx' ? 2 : 1);
}

/** What differs from one run to the next, and from one machine to the next. */
function sameInEveryRun(text: string): string {
  return text
    .replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, '<id>')
    .replaceAll(/\bnow\b|\b\d+ (s|min) ago\b/g, '<n>')
    .replaceAll(/\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?([.,]\d+)?Z?/g, '<time>')
    .replaceAll(/\b\d\d:\d\d(:\d\d)?\b/g, '<time>')
    .replaceAll(/Linux-\S+-node-\S+|Darwin-\S+-node-\S+/g, '<platform>')
    .replaceAll(/\b\d+(\.\d+)? (MiB|KiB|min|ms|s|h|B)\b/g, '<n>')
    .replaceAll(/\b\d+\.\d+(s|%)?(?= |$)/gm, '<n>')
    .replaceAll(/v\d+\.\d+\.\d+/g, '<version>')
    .replaceAll(/(\w)@[\w.-]+/g, '$1@<host>')
    .replaceAll(/[ ─]+/g, ' ')
    .trim();
}

/** For tables of what goes on: the numbers are of their moment, and rates have a column when there are some. */
function sameRoughly(text: string): string {
  return sameInEveryRun(text)
    .replaceAll(/ (IN|OUT)\/S(?= )/g, '')
    .replaceAll(/(?<= )(\d+|-|<n>)(?= |$)/gm, '<n>')
    .replaceAll(/( <n>)+/g, ' <n>');
}

describeWith('python', 'what is printed', () => {
  for (const path of PAGES) it(`stands in ${path}`, () => follow(path), 120_000);

  const staying: OwnedProcess[] = [];
  afterAll(() => Promise.all(staying.map((one) => one.kill())));

  async function follow(path: string): Promise<void> {
    const cwd = tmpFolder();
    mkdirSync(join(cwd, 'node_modules'));
    symlinkSync(projectRoot, join(cwd, 'node_modules', 'ctq'), 'junction');
    const asOnPage = (text: string): string => text.replaceAll(cwd, '/home/you/shop');
    const page = readPage(path);
    let written = page;
    const writing = globalThis.process.env['CTQ_DOCS'] === 'write';
    const found: [page: string, run: string][] = [];

    const stay = async ({ command }: Step, from: Fence): Promise<string> => {
      const argv = ctqWords(command);
      if (from.mark === 'restart') await staying.shift()?.stop();
      const process = startCtq(argv, { cwd, env: WORLD });
      staying.unshift(process);
      const last = await process.waitForOutput(argv[0] === 'beat' ? /Sending due task[^\n]*\n/ : /ready\.[^\n]*\n/);
      return process.output.slice(0, last.index + last[0].length);
    };
    const run = async ({ command }: Step): Promise<string> => {
      const words = shellWords(command);
      const script = words[0] === 'node' ? words.slice(1) : [join(projectRoot, 'bin', 'ctq.js'), ...ctqWords(command)];
      const argv = [globalThis.process.execPath, ...script];
      const terminal = new TestTerminal(argv, { cwd, rows: 100, columns: COLUMNS, env: WORLD });
      await terminal.ended();
      return (await terminal.screen()).trimEnd();
    };

    for (const fence of fencesOf(page)) {
      if (/\.(ts|mjs|json)$/.test(fence.mark)) writeFiles(cwd, { [fence.mark]: fence.text });
      if (fence.language !== 'console') continue;
      const stays = fence.mark === 'stays' || fence.mark === 'restart';
      const same = fence.mark === 'roughly' ? sameRoughly : sameInEveryRun;
      const done: string[] = [];
      for (const step of stepsOf(fence)) {
        const printed = asOnPage(stays ? await stay(step, fence) : await run(step)).trimEnd();
        // The second start of the worker prints what the first did.
        if (fence.mark === 'restart') done.push(`$ ${step.command}`);
        else {
          done.push(`$ ${step.command}\n${printed}`.trimEnd());
          found.push([same(step.prints), same(printed)]);
        }
      }
      const open = `${fence.language} ${fence.mark}\n`;
      if (writing) written = written.replace(`${open}${fence.text}`, () => `${open}${done.join('\n')}\n`);
    }
    for (const one of staying.splice(0)) await one.stop();
    if (writing) writeFileSync(join(projectRoot, path), written);
    else expect(found.map(([, printed]) => printed)).toEqual(found.map(([told]) => told));
  }
});
