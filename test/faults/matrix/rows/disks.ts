/** M35 and the log file: disks that are full, and a power cut. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ctq } from '../../../../src/index.js';
import { startProgram } from '../../../support/child-program.js';
import { tmpFolder } from '../../../support/tmp.js';
import { type Measured, NotHere, type Row } from '../row.js';
import { type Stage, sleep } from '../stage.js';

/** A small disk of its own; only root may have one. */
function smallDisk(stage: Stage, megabytes: number): string {
  const folder = tmpFolder();
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=700`, 'tmpfs', folder], { stdio: 'pipe' });
  } catch {
    throw new NotHere('a small disk of its own cannot be mounted here: only root may, on Linux');
  }
  stage.atClose(async () => void execFileSync('umount', ['-l', folder]));
  return folder;
}

/** Takes what is left of the disk, to the last page. */
function fill(folder: string): string {
  const path = join(folder, 'filler');
  for (const kilobytes of [1024, 64, 4]) {
    try {
      for (;;) writeFileSync(path, Buffer.alloc(kilobytes * 1024), { flag: 'a' });
    } catch {
      // Full, to this size of block.
    }
  }
  return path;
}

async function diskFull(stage: Stage): Promise<Measured> {
  const folder = smallDisk(stage, 8);
  await stage.open({}, `sqlite://${folder}/ctq.db`);
  const worker = await stage.worker();
  await stage.sendMany('before', 50);
  await stage.drained(20);
  const filler = fill(folder);
  let refused = 0;
  let words = '';
  for (let index = 0; index < 20; index += 1) {
    const name = `full-${index}`;
    // A body that needs pages of its own.
    await stage.send(name, { seconds: 0, padding: 20_000 }).catch((error: unknown) => {
      stage.book.unsent(name);
      refused += 1;
      words = (String(error).split('\n')[0] ?? '').replace(/ for \/.*/, '');
    });
  }
  await sleep(3);
  rmSync(filler);
  const freeMs = Date.now();
  await stage.sendMany('after', 50);
  await stage.drained(30);
  const mode = (statSync(join(folder, 'ctq.db')).mode & 0o777).toString(8);
  return {
    ...(await stage.figures()),
    recoveryS:
      (Math.min(...Array.from({ length: 50 }, (_, index) => stage.book.run(`after-${index}`)?.firstBegunMs ?? Number.MAX_VALUE)) - freeMs) /
      1000,
    note: `${refused} of 20 publishers told “${words.slice(0, 80)}”; the worker ${worker.ending === undefined ? 'stayed up' : 'ended'}; file ${mode}`,
    also: { 'publishers are told': refused > 0, 'the worker stays up': worker.ending === undefined, 'file 0600': mode === '600' },
  };
}

/** The file and its log as a power cut leaves them: copied while the publisher stands still in the middle of its writing. */
async function powerCut(stage: Stage): Promise<Measured> {
  let [acknowledged, there, lost] = [0, 0, 0];
  const copies = stage.few(20);
  for (let round = 0; round < copies; round += 1) {
    const [source, target] = [join(tmpFolder(), 'ctq.db'), join(tmpFolder(), 'ctq.db')];
    const publisher = await startProgram('faults/programs/sqlite-client.ts', ['publish', source, 'full', `r${round}`, '100000']);
    const enough = 20 + Math.random() * 300;
    await stage.until(() => (publisher.stdout.match(/^P /gm) ?? []).length > enough, 20, 5);
    publisher.signal('SIGSTOP');
    await sleep(0.2);
    const told = (publisher.stdout.match(/^P \S+\n/gm) ?? []).length;
    for (const suffix of ['', '-wal']) if (existsSync(source + suffix)) copyFileSync(source + suffix, target + suffix);
    await publisher.kill();
    const copy = new Ctq('copy', { brokerUrl: `sqlite://${target}`, resultBackend: 'disabled://' });
    const depth = await (await copy.broker()).depth('q');
    await copy.close();
    acknowledged += told;
    there += Math.min(told, depth);
    lost += Math.max(0, told - depth);
  }
  return { sent: acknowledged, executed: there, lost, repeated: 0, note: `${copies} copies; executed: what is in them` };
}

async function logDiskFull(stage: Stage): Promise<Measured> {
  await stage.open();
  const folder = smallDisk(stage, 2);
  const worker = await stage.worker({ args: ['--logfile', join(folder, 'worker.log')], launch: 'at once' });
  await stage.send('warm');
  await stage.drained(40);
  fill(folder);
  await stage.sendMany('m', 200);
  await stage.drained(30);
  return {
    ...(await stage.figures()),
    note: worker.ending === undefined ? 'the worker stayed up' : 'the worker ended',
    also: { 'the worker stays up': worker.ending === undefined },
  };
}

/** A client that dies between sending and hearing of it: what it was told is there, what it was not told is there once at most. */
async function clientKilled(stage: Stage): Promise<Measured> {
  await stage.open();
  let told = 0;
  const kills = stage.few(40);
  for (let kill = 0; kill < kills; kill += 1) {
    const fault = `${kill % 2 === 0 ? 'redis.publish.sent' : 'redis.publish.answered'}:${1 + Math.floor(Math.random() * 20)}`;
    const client = await startProgram('faults/programs/redis-client.ts', ['publish', stage.url, `k${kill}`, '50'], {
      env: { ...process.env, CTQ_FAULT: fault },
    });
    await client.waitForExit(20_000);
    told += [...client.stdout.matchAll(/^P /gm)].length;
  }
  const texts = (await stage.redis.command('LRANGE', 'q', 0, -1)) as string[];
  const ids = texts.map((text) => /"id": ?"([^"]*)"/.exec(text)?.[1] ?? text);
  const there = new Set(ids).size;
  return {
    sent: told,
    executed: Math.min(told, there),
    lost: Math.max(0, told - there),
    repeated: ids.length - there,
    note: `${kills} kills; executed: what is in the queue`,
  };
}

export const DISKS: readonly Row[] = [
  {
    id: 'M5b',
    fault: 'kill -9 of a client between sending and hearing that it is sent',
    goal: { words: 'what it was told is there, nothing twice', lost: 0, repeated: 0 },
    scenarios: [{ engine: 'redis', systems: ['ctq'], run: clientKilled }],
    tests: ['faults/redis-killed.test.ts', 'faults/redis-links.test.ts'],
  },
  {
    id: 'M35',
    fault: 'disk of the SQLite file full',
    goal: { words: 'an error for the publisher, never a dead worker, 0 acknowledged lost; file 0600', lost: 0, repeated: 0, recoveryS: 5 },
    scenarios: [{ engine: 'sqlite', run: diskFull }],
    tests: ['faults/sqlite-file.test.ts'],
  },
  {
    id: 'M35b',
    fault: 'power cut: file and log as they are in the middle of writing',
    goal: { words: '0 acknowledged lost', lost: 0 },
    scenarios: [{ engine: 'sqlite', run: powerCut }],
    tests: ['faults/sqlite-killed.test.ts'],
  },
  {
    id: 'M35c',
    fault: 'disk of the log file full',
    goal: { words: 'work goes on', lost: 0, repeated: 0 },
    scenarios: [{ engine: 'redis', run: logDiskFull }],
  },
];
