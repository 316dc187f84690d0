import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { offerRabbit } from './shared-rabbit.js';

interface Builder {
  build(): Promise<void>;
  staleReason(): string | undefined;
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/**
 * Runs once before all tests.
 *
 * @returns What to do after the last.
 */
export default async function setup(): Promise<() => Promise<void>> {
  await buildProgram();
  const folder = await buildTasks();
  process.env['CTQ_TEST_TASKS'] = folder;
  const endRabbit = await offerRabbit();
  return async () => {
    await endRabbit();
    rmSync(folder, { recursive: true, force: true });
  };
}

/**
 * dist/ must be what src/ says, for the tests that start `bin/ctq.js` and
 * for our own threads. A tree that does not build must not keep the unit tests from telling what they know,
 * so this only warns; `npm test` counts the failed build.
 */
async function buildProgram(): Promise<void> {
  const builder: Builder = await import(new URL('../../tools/build.mjs', import.meta.url).href);
  if (builder.staleReason() === undefined) return;
  try {
    await builder.build();
  } catch (error) {
    process.stderr.write(`\nWARNING: src/ does not build, dist/ is old or missing. Tests of bin/ctq.js tell nothing.\n${String(error)}\n`);
  }
}

/** The tasks of most workers, compiled once: each of some hundred workers would do it anew. */
async function buildTasks(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'ctq-test-tasks-'));
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(ROOT, join(folder, 'node_modules', 'ctq'), 'junction');
  await build({
    entryPoints: [join(ROOT, 'test', 'support', 'ctq-tasks', 'tasks.ts')],
    outfile: join(folder, 'tasks.mjs'),
    format: 'esm',
    platform: 'node',
    sourcemap: 'inline',
  });
  return folder;
}
