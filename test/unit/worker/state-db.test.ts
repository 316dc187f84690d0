import { chmodSync, existsSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { silentLogger } from '../../../src/logger.js';
import { RevokedTasks } from '../../../src/worker/revoked.js';
import { StateDb } from '../../../src/worker/state-db.js';
import { FakeClock } from '../../support/fake-clock.js';
import { tmpFolder } from '../../support/tmp.js';

const clock = new FakeClock();
const open = (path: string, revoked = new RevokedTasks(clock)): { db: StateDb; revoked: RevokedTasks } => ({
  db: StateDb.open({ path, revoked, clock, logger: silentLogger }),
  revoked,
});
const path = (): string => join(tmpFolder(), 'worker.state');

describe('a file of what was revoked', () => {
  it('is there for the next worker, and for nobody else on the machine', () => {
    const file = path();
    const { db, revoked } = open(file);
    revoked.add(['a', 'b']);
    revoked.addStamp('customer', ['c-1', 7]);
    db.close();
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const later = open(file).revoked;
    expect([later.has('a'), later.has('b'), later.has('c')]).toEqual([true, true, false]);
    const stamped = { delivery: { message: { headers: { stamps: { customer: [7] } } } } } as never;
    expect(later.stampOf(stamped)).toEqual({ customer: 7 });
  });

  it('is written soon after each change, not only at the end', async () => {
    const file = path();
    open(file).revoked.add(['a']);
    await clock.advance(200);
    expect(readFileSync(file, 'utf8')).toContain('"a"');
    expect(readdirSync(join(file, '..'))).toEqual(['worker.state']);
  });

  it('remembers when: what is too old is forgotten after a restart, too', async () => {
    const file = path();
    const { db, revoked } = open(file);
    revoked.add(['old']);
    db.close();
    await clock.advance(25 * 3_600_000);
    expect(open(file).revoked.has('old')).toBe(false);
  });

  it.each(['not json', '{}', '{"format":"ctq-worker-state","version":1,"revoked":[],"stamps":[]}', ''])(
    'that cannot be read is set aside: %s',
    (text) => {
      const file = path();
      writeFileSync(file, text, { mode: 0o600 });
      expect(open(file).revoked.size).toBe(0);
      const [aside] = readdirSync(join(file, '..')).filter((name) => name.includes('.corrupt-'));
      expect(readFileSync(join(file, '..', aside ?? ''), 'utf8')).toBe(text);
    },
  );

  it('that others may write is refused', () => {
    const file = path();
    writeFileSync(file, '', { mode: 0o600 });
    chmodSync(file, 0o620);
    expect(() => open(file)).toThrow(/may be written by others/);
  });

  it('that is a symbolic link is refused', () => {
    const file = path();
    symlinkSync('/etc/passwd', file);
    expect(() => open(file)).toThrow(/symbolic link/);
  });

  it('that cannot be written is told of at once', () => {
    const file = join(tmpFolder(), 'missing', 'worker.state');
    expect(() => open(file)).toThrow(/cannot write the state file .*there is no such folder/);
    expect(existsSync(file)).toBe(false);
  });
});
