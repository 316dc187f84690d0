/** The fault matrix itself: that its page shows what was measured, its rows name tests that exist, and its scenarios still run. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { projectRoot } from '../support/ctq-process.js';
import { describeWith } from '../support/requires.js';
import { tmpFolder, writeFiles } from '../support/tmp.js';
import { Book } from './matrix/book.js';
import { pageText } from './matrix/report.js';
import { missedGoals } from './matrix/row.js';
import { ROWS } from './matrix/rows.js';
import { Stage } from './matrix/stage.js';

const page = readFileSync(join(projectRoot, 'docs', 'reliability.md'), 'utf8');

describeWith([], 'the fault matrix', () => {
  it('has every row of M1 to M36, but for the two of security', () => {
    const numbers = new Set(ROWS.map(({ id }) => Number(/\d+/.exec(id)?.[0])));
    const absent = Array.from({ length: 36 }, (_, index) => index + 1).filter((number) => !numbers.has(number));
    expect(absent).toEqual([32, 33]);
    for (const number of absent) expect(page).toContain(`M${number}`);
  });

  it('is shown in docs/reliability.md as it was measured (npm run test:faults -- --report)', () => {
    expect(pageText(page)).toBe(page);
  });

  it('names tests that exist', () => {
    const missing = ROWS.flatMap(({ tests = [] }) => tests).filter((path) => !existsSync(join(projectRoot, 'test', path)));
    expect(missing).toEqual([]);
  });

  it('calls a goal missed when a task is lost, repeated, late or left', () => {
    const goal = { words: '', lost: 0, repeated: 0, recoveryS: 2 };
    const good = { sent: 3, executed: 3, lost: 0, waiting: 0, repeated: 0, recoveryS: 1 };
    expect(missedGoals(goal, good)).toEqual([]);
    expect(missedGoals(goal, { ...good, lost: 1 })).toEqual(['1 lost']);
    expect(missedGoals(goal, { ...good, waiting: 2 })).toEqual(['2 not run within the watch']);
    expect(missedGoals(goal, { ...good, repeated: 1 })).toEqual(['1 repeated']);
    expect(missedGoals(goal, { ...good, recoveryS: 2.5 })).toEqual(['recovery took 2.5 s']);
    expect(missedGoals(goal, { ...good, recoveryS: undefined })).toEqual(['no recovery seen']);
    expect(missedGoals(goal, { ...good, also: { 'the worker stays up': false } })).toEqual(['not: the worker stays up']);
  });

  it('reads from the book what was lost, what ran twice, and what is still being written', () => {
    const folder = tmpFolder({ '1-0.book': 'b once 10 1\ne once 20 1\nb twice 10 1\ne twi' });
    const book = new Book(folder);
    for (const name of ['once', 'twice', 'never']) book.sent(name);
    expect(book.tally()).toMatchObject({ sent: 3, executed: 1, missing: ['twice', 'never'], repeated: [] });
    writeFiles(folder, {
      '1-0.book': 'b once 10 1\ne once 20 1\nb twice 10 1\ne twice 30 1\n',
      '2-0.book': 'b twice 40 2\ne twice 50 2\n',
    });
    expect(book.tally()).toMatchObject({ executed: 2, missing: ['never'], repeated: ['twice'], begunTwice: ['twice'] });
    expect(book.firstBegunAfter(25)).toBe(40);
  });
});

describeWith('redis', 'scenarios of the fault matrix, with little load', () => {
  it.each(['M4', 'M9', 'M26'])('%s keeps its goal', { timeout: 180_000 }, async (id) => {
    const row = ROWS.find((one) => one.id === id);
    const scenario = row?.scenarios.find(({ engine }) => engine === 'redis');
    if (row === undefined || scenario === undefined) throw new Error(`no row ${id}`);
    const stage = new Stage({ system: 'ctq', engine: 'redis', short: true, patienceS: 60 });
    try {
      const measured = await scenario.run(stage);
      // How fast is for a machine of its own.
      const { recoveryS: _, ...goal } = row.goal;
      expect(missedGoals(goal, measured)).toEqual([]);
    } finally {
      await stage.close();
    }
  });
});
