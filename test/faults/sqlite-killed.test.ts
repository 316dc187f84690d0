/** kill -9 of publishers and consumers of the SQLite broker, anywhere: nothing acknowledged is lost (M1, M2, M5, M31, M35). */
import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openSqliteDatabase } from '../../src/connections/sqlite/store.js';
import { startProgram } from '../support/child-program.js';
import { eventually } from '../support/eventually.js';
import type { OwnedProcess } from '../support/owned-process.js';
import { tmpFolder } from '../support/tmp.js';

const PROGRAM = 'faults/programs/sqlite-client.ts';

function said(program: OwnedProcess, letter: string): string[] {
  return [...program.stdout.matchAll(new RegExp(`^${letter} (\\S+)`, 'gm'))].map((match) => match[1] as string);
}

/** Waits until the program has said that many lines of a kind. */
async function saidOften(program: OwnedProcess, letter: string, count: number): Promise<void> {
  const missing = (): string => `only ${said(program, letter).length} of ${count} times ${letter}; stderr: ${program.stderr}`;
  await eventually(() => expect(said(program, letter).length >= count, missing()).toBe(true), { timeoutMs: 45_000, intervalMs: 10 });
}

/** Ids of the messages in the file, and of the stored results. Also proves that the file is whole. */
async function contentsOf(path: string): Promise<{ waiting: Set<string>; done: Set<string> }> {
  const db = await openSqliteDatabase({ path, sync: 'normal' });
  try {
    expect(db.get<{ integrity_check: string }>('PRAGMA integrity_check')?.integrity_check).toBe('ok');
    const envelopes = db.all<{ envelope: string }>('SELECT envelope FROM message');
    const results = db.all<{ task_id: string }>('SELECT task_id FROM result');
    return {
      waiting: new Set(envelopes.map(({ envelope }) => (JSON.parse(envelope) as { headers: { id: string } }).headers.id)),
      done: new Set(results.map(({ task_id: id }) => id)),
    };
  } finally {
    db.close();
  }
}

function missing(ids: readonly string[], ...places: readonly ReadonlySet<string>[]): string[] {
  return ids.filter((id) => !places.some((place) => place.has(id)));
}

describe('a publisher killed with SIGKILL', () => {
  test('loses nothing that it was told is published, in 6 kills for each kind of durability', { timeout: 240_000 }, async () => {
    for (const sync of ['full', 'normal']) {
      const path = join(tmpFolder(), 'ctq.db');
      const acknowledged: string[] = [];
      for (let round = 0; round < 6; round += 1) {
        const publisher = await startProgram(PROGRAM, ['publish', path, sync, `r${round}`]);
        await publisher.waitForOutput(new RegExp(`P r${round}-${100 + round * 37}\\n`), 45_000);
        await publisher.kill();
        acknowledged.push(...said(publisher, 'P'));
      }
      expect(acknowledged.length).toBeGreaterThan(1_000);
      expect(missing(acknowledged, (await contentsOf(path)).waiting)).toEqual([]);
    }
  });

  test('at each stage of a transaction leaves the file whole and keeps what was acknowledged', { timeout: 120_000 }, async () => {
    const path = join(tmpFolder(), 'ctq.db');
    const acknowledged: string[] = [];
    for (const stage of ['begun', 'written', 'committed']) {
      for (const pass of [1, 2, 5, 9]) {
        const fault = { ...process.env, CTQ_FAULT: `sqlite.transaction.${stage}:${pass}` };
        const publisher = await startProgram(PROGRAM, ['publish', path, 'full', `${stage}${pass}`], { env: fault });
        expect((await publisher.waitForExit(45_000)).signal).toBe('SIGKILL');
        acknowledged.push(...said(publisher, 'P'));
        expect(missing(acknowledged, (await contentsOf(path)).waiting)).toEqual([]);
      }
    }
    expect(acknowledged.length).toBeGreaterThan(50);
  });
});

/** The header of a write-ahead log, with its salts: others each time that it begins anew. */
function beginningOf(path: string): string {
  return readFileSync(path).subarray(0, 32).toString('hex');
}

describe('a copy of the file and its log, taken while it is written', () => {
  test('holds everything that was acknowledged before the copy began', { timeout: 120_000 }, async () => {
    const path = join(tmpFolder(), 'ctq.db');
    const publisher = await startProgram(PROGRAM, ['publish', path, 'full', 'p']);
    for (let round = 1; round <= 8; round += 1) {
      await publisher.waitForOutput(new RegExp(`P p-${round * 150}\\n`), 45_000);
      const copy = join(tmpFolder(), 'copy.db');
      const acknowledged = said(publisher, 'P');
      // Two copies are as good as one moment, unless the log began anew between them.
      let before: string;
      do {
        before = beginningOf(`${path}-wal`);
        copyFileSync(path, copy);
        copyFileSync(`${path}-wal`, `${copy}-wal`);
      } while (beginningOf(`${copy}-wal`) !== before);
      expect(missing(acknowledged, (await contentsOf(copy)).waiting)).toEqual([]);
    }
    await publisher.kill();
  });
});

describe.concurrent('a consumer killed with SIGKILL', () => {
  test('loses nothing under load in 6 kills, and every task ends with one result', { timeout: 240_000 }, async () => {
    const path = join(tmpFolder(), 'ctq.db');
    // As long as it takes, and a little less than the two consumers can do.
    const publisher = await startProgram(PROGRAM, ['publish', path, 'normal', 'p', '1000000', '20']);
    const rescuer = await startProgram(PROGRAM, ['consume', path, 'normal', '20']);
    for (let round = 0; round < 6; round += 1) {
      const victim = await startProgram(PROGRAM, ['consume', path, 'full', '20']);
      await saidOften(victim, 'D', 10 + round * 5);
      await victim.kill();
    }
    await publisher.kill();
    const sent = said(publisher, 'P');
    expect(sent.length).toBeGreaterThan(100);
    const rest = async (): Promise<unknown> => {
      const { waiting, done } = await contentsOf(path);
      return { missing: missing(sent, done), waiting: waiting.size };
    };
    await eventually(async () => expect(await rest()).toEqual({ missing: [], waiting: 0 }), { timeoutMs: 90_000, intervalMs: 500 });
    await rescuer.kill();
  });

  test('at each stage of a transaction leaves a task either waiting or done with its result', { timeout: 240_000 }, async () => {
    const path = join(tmpFolder(), 'ctq.db');
    const publisher = await startProgram(PROGRAM, ['publish', path, 'full', 'p', '400']);
    await publisher.waitForExit(45_000);
    const sent = said(publisher, 'P');
    for (const stage of ['begun', 'written', 'committed']) {
      for (const pass of [2, 3, 4, 7]) {
        const fault = { ...process.env, CTQ_FAULT: `sqlite.transaction.${stage}:${pass}` };
        const consumer = await startProgram(PROGRAM, ['consume', path, 'full', '2'], { env: fault });
        expect((await consumer.waitForExit(45_000)).signal).toBe('SIGKILL');
        const { waiting, done } = await contentsOf(path);
        expect(missing(sent, waiting, done)).toEqual([]);
        expect([...done].filter((id) => waiting.has(id))).toEqual([]);
        expect(missing(said(consumer, 'D'), done)).toEqual([]);
      }
    }
  });

  test('has its tasks taken over within ten seconds, by a consumer that was idle and by one that starts later', {
    timeout: 180_000,
  }, async () => {
    const path = join(tmpFolder(), 'ctq.db');
    for (const rescuerIsUp of [true, false]) {
      const victim = await startProgram(PROGRAM, ['hold', path, 'full'], { input: 'open' });
      await victim.waitForOutput(/^C$/m);
      const publisher = await startProgram(PROGRAM, ['publish', path, 'full', `up-${rescuerIsUp}`, '3']);
      await publisher.waitForExit(45_000);
      await saidOften(victim, 'S', 3);
      let rescuer = rescuerIsUp ? await startProgram(PROGRAM, ['consume', path, 'full', '0']) : undefined;
      await rescuer?.waitForOutput(/^C$/m);
      await victim.kill();
      rescuer ??= await startProgram(PROGRAM, ['consume', path, 'full', '0']);
      // Ten seconds where nobody is kept from looking; whoever was begins to count anew.
      await saidOften(rescuer, 'D', 3);
      expect(rescuer.stdout.match(/^S \S+ 1$/gm)).toHaveLength(3);
      await rescuer.kill();
    }
  });
});

describe.concurrent('a consumer that was frozen', () => {
  test('is fenced when it wakes: its answer changes nothing, and it works on', { timeout: 180_000 }, async () => {
    const path = join(tmpFolder(), 'ctq.db');
    const frozen = await startProgram(PROGRAM, ['hold', path, 'full'], { input: 'open' });
    await frozen.waitForOutput(/^C$/m);
    await (await startProgram(PROGRAM, ['publish', path, 'full', 'p', '2'])).waitForExit(45_000);
    await saidOften(frozen, 'S', 2);
    frozen.signal('SIGSTOP');
    const rescuer = await startProgram(PROGRAM, ['consume', path, 'full', '0']);
    await saidOften(rescuer, 'D', 2);
    await rescuer.kill();
    frozen.signal('SIGCONT');
    await frozen.waitForOutput(/^F p-0 p-1$/m);
    frozen.write('answer\n');
    await saidOften(frozen, 'fenced', 2);
    const db = await openSqliteDatabase({ path, sync: 'normal' });
    expect(db.all<{ meta: string }>('SELECT meta FROM result').filter(({ meta }) => meta.includes('late'))).toEqual([]);
    db.close();
    await (await startProgram(PROGRAM, ['publish', path, 'full', 'again', '1'])).waitForExit(45_000);
    await frozen.waitForOutput(/^S again-0 0$/m);
    frozen.write('answer\n');
    await frozen.waitForOutput(/^settled again-0$/m);
    await frozen.kill();
  });
});
