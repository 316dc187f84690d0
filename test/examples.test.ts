/** The programs in examples/ do what they say, as they stand. */
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { projectRoot, runCtq, startCtq } from './support/ctq-process.js';
import { tmpFolder } from './support/tmp.js';

function exampleFolder(name: string): string {
  const folder = tmpFolder();
  cpSync(join(projectRoot, 'examples', name), folder, { recursive: true });
  return folder;
}

describe('examples/session-per-task', () => {
  it.each(['async', 'threads', 'prefork', 'solo'])('has one session open while a task runs in %s', async (pool) => {
    const cwd = exampleFolder('session-per-task');
    const worker = startCtq(['worker', '-A', 'tasks', '-P', pool, '-c', '1', '-l', 'info'], { cwd });
    await worker.waitForOutput(/ready\./);
    for (let round = 0; round < 2; round++) {
      const { stdout, code } = await runCtq(['send', 'tasks.count_users', 'Graz', '--wait', '--timeout', '20'], { cwd });
      expect([code, stdout]).toEqual([0, 'select count(*) from users where city = ? of ["Graz"], with 1 session open\n']);
    }
    await worker.stop();
  });
});
