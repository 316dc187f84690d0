/** Follows a page that shows what the program prints: writes its files, types its commands on a terminal, and keeps what they print. */
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot, washedEnvironment } from './ctq-process.js';
import { type Fence, fencesOf, shellWords } from './markdown.js';
import { OwnedProcess } from './owned-process.js';
import { TestTerminal } from './terminal.js';
import { tmpFolder, writeFiles } from './tmp.js';

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
    .replaceAll(/ no task events\b.*/g, '')
    .replaceAll(/ (IN|OUT)\/S(?= )/g, '')
    .replaceAll(/(?<= )(\d+|-|<n>)(?= |$)/gm, '<n>')
    .replaceAll(/( <n>)+/g, ' <n>');
}

export interface FollowedPage {
  /** What the page tells and what was printed, without what differs from one run to the next. */
  readonly told: readonly string[];
  readonly printed: readonly string[];
  /** The page with what was printed. */
  readonly rewritten: string;
}

/**
 * @param project - A folder where ctq is installed; default: a new one, with the package as it stands here.
 */
export async function followPage(page: string, project = linkedProject()): Promise<FollowedPage> {
  const ctq = join(project, 'node_modules', 'ctq', 'bin', 'ctq.js');
  const asOnPage = (text: string): string => text.replaceAll(project, '/home/you/shop');
  const staying: OwnedProcess[] = [];
  const told: string[] = [];
  const printed: string[] = [];
  let rewritten = page;

  const stay = async ({ command }: Step, from: Fence): Promise<string> => {
    const argv = ctqWords(command);
    if (from.mark === 'restart') await staying.shift()?.stop();
    const one = new OwnedProcess(process.execPath, [ctq, ...argv], { cwd: project, env: washedEnvironment(WORLD) });
    staying.unshift(one);
    const last = await one.waitForOutput(argv[0] === 'beat' ? /Sending due task[^\n]*\n/ : /ready\.[^\n]*\n/);
    return one.output.slice(0, last.index + last[0].length);
  };
  const run = async ({ command }: Step): Promise<string> => {
    const words = shellWords(command);
    const script = words[0] === 'node' ? words.slice(1) : [ctq, ...ctqWords(command)];
    const terminal = new TestTerminal([process.execPath, ...script], { cwd: project, rows: 100, columns: COLUMNS, env: WORLD });
    await terminal.ended();
    return (await terminal.screen()).trimEnd();
  };

  for (const fence of fencesOf(page)) {
    if (/\.(ts|mjs|json)$/.test(fence.mark)) writeFiles(project, { [fence.mark]: fence.text });
    if (fence.language !== 'console') continue;
    const stays = fence.mark === 'stays' || fence.mark === 'restart';
    const same = fence.mark === 'roughly' ? sameRoughly : sameInEveryRun;
    const done: string[] = [];
    for (const step of stepsOf(fence)) {
      const shown = asOnPage(stays ? await stay(step, fence) : await run(step)).trimEnd();
      // The second start of the worker prints what the first did.
      if (fence.mark === 'restart') done.push(`$ ${step.command}`);
      else {
        done.push(`$ ${step.command}\n${shown}`.trimEnd());
        told.push(same(step.prints));
        printed.push(same(shown));
      }
    }
    const open = `${fence.language} ${fence.mark}\n`;
    rewritten = rewritten.replace(`${open}${fence.text}`, () => `${open}${done.join('\n')}\n`);
  }
  for (const one of staying) await one.stop();
  return { told, printed, rewritten };
}

function linkedProject(): string {
  const folder = tmpFolder();
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(projectRoot, join(folder, 'node_modules', 'ctq'), 'junction');
  return folder;
}
