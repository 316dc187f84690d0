/** `ctq migrate` between two files, as a user types it. */
import { afterEach, describe, expect, it } from 'vitest';
import { main } from '../../src/cli/main.js';
import { Ctq } from '../../src/index.js';
import { tmpFolder } from '../support/tmp.js';
import { fakeContext } from './fake-context.js';

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const cwd = tmpFolder();
const apps: Ctq[] = [];
afterEach(() => Promise.all(apps.splice(0).map((app) => app.close())));

let files = 0;

/** A file with this many messages in each of its queues. */
async function filled(counts: Readonly<Record<string, number>>): Promise<string> {
  files += 1;
  const url = `sqlite://${cwd}/${files}.db`;
  const app = new Ctq('client', { brokerUrl: url });
  apps.push(app);
  for (const [queue, count] of Object.entries(counts)) {
    for (let index = 0; index < count; index += 1) {
      await app.sendTask(index % 2 === 0 ? 'tasks.even' : 'tasks.odd', [index], { queue }).published;
    }
  }
  return url;
}

async function run(argv: readonly string[]): Promise<Ran> {
  const context = fakeContext({ cwd });
  const code = await main(['migrate', ...argv], context);
  return { code, stdout: context.stdout.text, stderr: context.stderr.text };
}

describe('ctq migrate', () => {
  it('moves all queues, and says how many of each went and stayed', async () => {
    const [from, to] = [await filled({ celery: 3, mail: 2 }), await filled({ celery: 1 })];
    expect(await run([from, to])).toEqual({ code: 0, stdout: 'celery\t3\t0\nmail\t2\t0\n', stderr: '' });
    expect(await run([from, to])).toEqual({ code: 0, stdout: '', stderr: 'ctq: nothing waits at the source\n' });
    expect((await run([to, from, '--dry-run'])).stdout).toBe('celery\t4\nmail\t2\n');
  });

  it('moves no more than --limit, across queues, and only what --task and --queue choose', async () => {
    const [from, to] = [await filled({ celery: 6, mail: 6 }), `sqlite://${cwd}/limit.db`];
    expect((await run([from, to, '--limit', '8'])).stdout).toBe('celery\t6\t0\nmail\t2\t4\n');
    expect((await run([from, to, '--task', 'tasks.o*', '--limit', '1'])).stdout).toBe('mail\t1\t3\n');
    expect((await run([from, to, '--queue', 'celery,nothing'])).stderr).toBe('ctq: nothing waits at the source\n');
    const { stdout } = await run([from, to, '--json']);
    expect(JSON.parse(stdout)).toEqual({
      ...{ source: from, destination: to, moved: 3, resumed: 0, dry_run: false, interrupted: false },
      queues: [
        { name: 'celery', moved: 0, left: 0, held: 0 },
        { name: 'mail', moved: 3, left: 0, held: 0 },
      ],
    });
    expect((await run([to, from, '--dry-run'])).stdout).toBe('celery\t6\nmail\t6\n');
  });

  it.each([
    ['needs two URLs', ['sqlite:///a.db'], 2, /takes two URLs: where messages are, and where they go/],
    ['refuses one place twice', [`sqlite://${cwd}/x.db`, `sqlite://${cwd}/./x.db`], 2, /source and destination are the same place/],
    ['makes no file to move from', [`sqlite://${cwd}/none.db`, `sqlite://${cwd}/y.db`], 69, /there is no database at .*none\.db/],
    ['refuses what lives in one process', ['memory://', `sqlite://${cwd}/y.db`], 2, /memory:\/\/ is inside one process/],
    ['knows no such scheme', ['foo://x', `sqlite://${cwd}/y.db`], 2, /nobody can look into foo:\/\//],
    [
      'wants options that are an object',
      ['redis://a', 'redis://b', '--source-options', '[1]'],
      2,
      /--source-options.*must be a JSON object/,
    ],
  ])('%s', async (_what, argv, code, message) => {
    const ran = await run(argv);
    expect([ran.code, ran.stdout]).toEqual([code, '']);
    expect(ran.stderr).toMatch(message);
  });
});
