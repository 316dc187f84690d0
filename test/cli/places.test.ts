/** Which place a command works on: the app's own where `-A` names it, and none that this user may not use. */
import { existsSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { main } from '../../src/cli/main.js';
import { beatApp } from '../support/ctq-beat.js';
import { tmpFolder } from '../support/tmp.js';
import { fakeContext } from './fake-context.js';

interface Said {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function ctq(argv: readonly string[], cwd: string, env: Readonly<Record<string, string>> = {}): Promise<Said> {
  const context = fakeContext({ cwd, env: { CTQ_ALLOW_ROOT: '1', ...env } });
  const code = await main([...argv], context);
  return { code, stdout: context.stdout.text, stderr: context.stderr.text };
}

describe('the app behind -A', () => {
  it('says where tasks are sent to and by which route, below flags and environment', async () => {
    const other = tmpFolder();
    const theirs = join(other, 'theirs.db');
    const folder = beatApp(`app.conf.brokerUrl = 'sqlite://${theirs}'; app.conf.taskRoutes = { 'tasks.mail': { queue: 'mail' } };`);
    const files = tmpFolder({ 'chain.json': '[{"task": "tasks.mail"}]', 'calls.jsonl': '{"task": "tasks.mail"}\n' });

    expect((await ctq(['send', '-A', 'tasks', 'tasks.mail'], folder)).code).toBe(0);
    expect((await ctq(['-A', 'tasks', 'send', '--chain', join(files, 'chain.json')], folder)).code).toBe(0);
    expect((await ctq(['send', '-A', 'tasks', '--batch', join(files, 'calls.jsonl')], folder)).code).toBe(0);
    expect((await ctq(['queues', '-b', `sqlite://${theirs}`], folder)).stdout).toMatch(/^mail\t3\t/);
    // Its results are where it keeps them.
    expect((await ctq(['result', '-A', 'tasks', 'some-id'], folder)).stderr).toContain('some-id is PENDING');
    expect(existsSync(join(folder, '.ctq'))).toBe(false);

    const stronger = `sqlite://${join(other, 'stronger.db')}`;
    await ctq(['send', '-A', 'tasks', 'tasks.mail'], folder, { CTQ_BROKER_URL: stronger });
    await ctq(['send', '-A', 'tasks', 'tasks.mail', '-b', stronger], folder, { CTQ_BROKER_URL: 'redis://localhost:1' });
    expect((await ctq(['queues', '-b', stronger], folder)).stdout).toMatch(/^mail\t2\t/);
    expect(await ctq(['send', '-A', 'taskz', 'tasks.mail'], folder)).toMatchObject({ code: 2, stdout: '' });
  });
});

describe('a file that this user may not use', () => {
  it.each(['worker', 'beat'])('ends ctq %s at its start, for it becomes no other by waiting', async (command) => {
    const folder = beatApp('');
    const said = await ctq([command, '-A', 'tasks', '-b', `sqlite://${folder}`], folder);
    expect(said).toEqual({ code: 69, stdout: '', stderr: `ctq: ${folder} is a folder (name a file: sqlite:///path/to/ctq.db)\n` });
  });

  // Root is refused nothing, but it cannot walk in circles either.
  it('is not told of as missing', async () => {
    const folder = beatApp('');
    const round = join(folder, 'round');
    symlinkSync('round', round);
    for (const argv of [['queues'], ['result', 'some-id'], ['doctor'], ['-A', 'tasks', 'beat', 'list']]) {
      expect(await ctq([...argv, '-b', `sqlite://${round}/ctq.db`], folder)).toMatchObject({
        code: 69,
        stderr: `ctq: cannot look at ${round}/ctq.db: symbolic links in a circle (check the owner and mode of its folder)\n`,
      });
    }
  });
});
