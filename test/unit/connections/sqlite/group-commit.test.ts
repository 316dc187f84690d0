import { afterEach, describe, expect, test } from 'vitest';
import { GroupCommit } from '../../../../src/connections/sqlite/group-commit.js';
import { SqliteConnection } from '../../../../src/connections/sqlite.js';

interface Bench {
  readonly db: SqliteConnection;
  readonly commits: GroupCommit;
  announced: number;
  transactions: number;
}

const open: SqliteConnection[] = [];

afterEach(() => {
  for (const db of open.splice(0)) db.close();
});

async function bench(): Promise<Bench> {
  const db = await SqliteConnection.open(':memory:');
  open.push(db);
  db.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, word TEXT UNIQUE)');
  const made: Bench = {
    db,
    commits: new GroupCommit({
      async connect() {
        made.transactions += 1;
        return db;
      },
      lost() {},
      announce() {
        made.announced += 1;
      },
    }),
    announced: 0,
    transactions: 0,
  };
  return made;
}

const insert = (word: string) => (db: SqliteConnection) => db.run('INSERT INTO t (word) VALUES (?)', word);
const words = (db: SqliteConnection): string[] => db.all<{ word: string }>('SELECT word FROM t ORDER BY id').map(({ word }) => word);

describe('what is written in one tick', () => {
  test('is one transaction, in the order of the calls, and each gets its own answer', async () => {
    const made = await bench();
    const answers = await Promise.all(['a', 'b', 'c'].map((word) => made.commits.write((db) => [insert(word)(db), word])));
    expect(answers).toEqual([
      [1, 'a'],
      [1, 'b'],
      [1, 'c'],
    ]);
    expect(made.transactions).toBe(1);
    expect(words(made.db)).toEqual(['a', 'b', 'c']);
  });

  test('is announced once, and only when somebody asked for it', async () => {
    const made = await bench();
    await Promise.all([made.commits.write(insert('a')), made.commits.write(insert('b'))]);
    expect(made.announced).toBe(0);
    await Promise.all([made.commits.write(insert('c'), { announce: true }), made.commits.write(insert('d'), { announce: true })]);
    expect(made.announced).toBe(1);
  });

  test('is cut into several transactions when it is much', async () => {
    const made = await bench();
    await Promise.all(Array.from({ length: 1_200 }, (_, index) => made.commits.write(insert(`w${index}`))));
    expect(made.transactions).toBe(3);
    expect(words(made.db)).toHaveLength(1_200);
  });
});

describe('a job that fails', () => {
  test('fails alone: the others of its tick are written', async () => {
    const made = await bench();
    const [a, again, b] = await Promise.allSettled([
      made.commits.write(insert('a')),
      made.commits.write(insert('a')),
      made.commits.write(insert('b')),
    ]);
    expect([a.status, again.status, b.status]).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(words(made.db)).toEqual(['a', 'b']);
  });

  test('leaves nothing of itself behind', async () => {
    const made = await bench();
    const halfway = made.commits.write((db) => {
      insert('half')(db);
      throw new Error('then it broke');
    });
    await expect(halfway).rejects.toThrow('then it broke');
    await made.commits.write(insert('after'));
    expect(words(made.db)).toEqual(['after']);
  });
});

test('idle waits for everything, also for what is written meanwhile', async () => {
  const made = await bench();
  const first = made.commits.write(insert('a')).then(() => made.commits.write(insert('b')));
  await made.commits.idle();
  expect(words(made.db)).toContain('a');
  await first;
  await made.commits.idle();
  expect(words(made.db)).toEqual(['a', 'b']);
});
