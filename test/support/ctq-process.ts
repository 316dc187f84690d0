/** The real program, `bin/ctq.js`, as a user's shell would start it. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Ending, OwnedProcess } from './owned-process.js';

export const projectRoot = fileURLToPath(new URL('../..', import.meta.url));
const ctqBin = join(projectRoot, 'bin', 'ctq.js');

export interface CtqOptions {
  /** Added to an environment without any `CTQ_*` and `CELERY_*`. */
  readonly env?: Readonly<Record<string, string>>;
  /** Default: the project root, so name a folder of your own wherever files may appear. */
  readonly cwd?: string;
  /** Given on standard input; `'open'` leaves it open. */
  readonly input?: string | 'open';
  /** Options of node itself. */
  readonly nodeArgs?: readonly string[];
}

export interface CtqEnding extends Ending {
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts `ctq` and leaves it running: `await worker.waitForOutput(/ready/)`, `await worker.stop('SIGTERM')`. */
export function startCtq(argv: readonly string[], options: CtqOptions = {}): OwnedProcess {
  return new OwnedProcess(process.execPath, [...(options.nodeArgs ?? []), ctqBin, ...argv], {
    cwd: options.cwd ?? projectRoot,
    env: washedEnvironment(options.env),
    ...(options.input === undefined ? {} : { input: options.input }),
  });
}

/** Runs `ctq` to its end. Rejects, with the output, when that takes longer than the time (default 30 s). */
export async function runCtq(argv: readonly string[], options: CtqOptions & { readonly timeoutMs?: number } = {}): Promise<CtqEnding> {
  const run = startCtq(argv, options);
  const ending = await run.waitForExit(options.timeoutMs ?? 30_000);
  return { ...ending, stdout: run.stdout, stderr: run.stderr };
}

/** The tester's own settings must not reach the program; nor may vitest's. Who tests as root means it. */
export function washedEnvironment(extra: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const foreign = /^(CTQ_|CELERY_|VITEST|NODE_ENV$|NODE_OPTIONS$|NO_COLOR$|FORCE_COLOR$|CI$|TEST$|DEV$|PROD$|MODE$|SSR$|BASE_URL$)/;
  const kept = Object.entries(process.env).filter(([name]) => !foreign.test(name));
  return { ...Object.fromEntries(kept), CTQ_ALLOW_ROOT: '1', ...extra };
}
