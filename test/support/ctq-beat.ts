/** A ctq beat as a process of its own, on a schedule that the test writes. */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot, startCtq } from './ctq-process.js';
import type { OwnedProcess } from './owned-process.js';
import { tmpFolder } from './tmp.js';

/** Makes a folder with an app in `tasks.mjs`; `body` has `app`, `crontab`, `every` and `solar` at hand. */
export function beatApp(body: string): string {
  const folder = tmpFolder();
  // As it is installed: what imports the package from there is loaded as it is, and compiling it would take a second each time.
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(projectRoot, join(folder, 'node_modules', 'ctq'), 'junction');
  writeFileSync(
    join(folder, 'tasks.mjs'),
    `import { Ctq, crontab, every, solar } from 'ctq';\nexport const app = new Ctq('tasks');\nvoid [crontab, every, solar];\n${body}\n`,
  );
  return folder;
}

export interface CtqBeatOptions {
  /** From {@link beatApp}. */
  readonly folder: string;
  readonly broker: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export function launchCtqBeat({ folder, broker, args = [], env }: CtqBeatOptions): OwnedProcess {
  return startCtq(['beat', '-A', 'tasks', '-b', broker, '-l', 'debug', ...args], { cwd: folder, ...(env === undefined ? {} : { env }) });
}

/** True for the one that sends; the last word counts. */
export function leads(beat: OwnedProcess): boolean {
  if (beat.ending !== undefined) return false;
  const words = beat.output.match(/beat: (?:Sending what is due from now on|Standing by|Somebody else leads|Shutting down)/g);
  return words?.at(-1)?.includes('from now on') ?? false;
}
