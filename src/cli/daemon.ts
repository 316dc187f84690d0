/**
 * `-D`: in the background. Node cannot fork itself, so the command is started once more in a session of its own;
 * the first one stays until that is ready, and passes on what it says when it fails.
 */
import { spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CliContext } from './context.js';
import { EXIT } from './exit-codes.js';

/** Tells the second process what it is; taken from the environment there, for its own children are not. */
const MARK = 'CTQ_DETACHED';
/** For a process that is started again in the place of one in the background. */
export const DETACHED_ENV: Readonly<Record<string, string>> = { [MARK]: '1' };
/** Loading an app takes seconds at most; what takes longer may still become ready. */
const PATIENCE_MS = 30_000;

/** True in the process that was started in the background. */
export function isDetached({ env }: CliContext): boolean {
  return env[MARK] === '1';
}

/** What it starts in turn is not. */
export function takeMark({ env }: CliContext): void {
  delete (env as Record<string, string | undefined>)[MARK];
}

/** Starts this command line again in the background. Resolves with the exit code of the foreground. */
export async function detach(context: CliContext): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'ctq-detach-'));
  const words = join(folder, 'stderr');
  const stderr = openSync(words, 'w', 0o600);
  try {
    const child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
      cwd: context.cwd,
      env: { ...context.env, [MARK]: '1' },
      detached: true,
      stdio: ['ignore', 'ignore', stderr, 'ipc'],
    });
    const code = await new Promise<number>((resolve, reject) => {
      const timer = context.clock.setTimeout(() => resolve(EXIT.ok), PATIENCE_MS);
      const settle = (exitCode: number): void => {
        timer.cancel();
        resolve(exitCode);
      };
      child.once('message', () => settle(EXIT.ok));
      child.once('exit', (exitCode) => settle(exitCode ?? EXIT.internal));
      child.once('error', reject);
    });
    context.stderr.write(readFileSync(words, 'utf8'));
    if (child.connected) child.disconnect();
    child.unref();
    return code;
  } finally {
    closeSync(stderr);
    rmSync(folder, { recursive: true, force: true });
  }
}

/** In the background: lets the foreground process go, for whatever could fail at once has not. */
export function reportReady(): void {
  process.send?.('ready', () => {
    if (process.connected) process.disconnect();
  });
}
