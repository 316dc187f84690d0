/** A question changes nothing: a path with a typing mistake is told of, not made. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { main } from '../../src/cli/main.js';
import { tmpFolder } from '../support/tmp.js';
import { fakeContext } from './fake-context.js';

const QUESTIONS = [
  ['status'],
  ['inspect', 'ping'],
  ['control', 'heartbeat'],
  ['result', 'some-id'],
  ['queues'],
  ['queues', 'peek', 'mail'],
  ['queues', 'pause', 'mail'],
  ['keys'],
  ['keys', 'show', 'celery'],
  ['find', 'some-id'],
  ['failed'],
  ['retry', 'some-id'],
  ['purge', '-f'],
  ['doctor'],
  ['top', '-n', '1'],
] as const;

describe('an embedded broker that is not there', () => {
  it.each(QUESTIONS.map((argv) => [argv.join(' '), argv] as const))('is not made by ctq %s', async (_name, argv) => {
    const file = join(tmpFolder(), 'mistyped', 'ctq.db');
    const context = fakeContext({ cwd: tmpFolder() });
    const code = await main([...argv, '-b', `sqlite://${file}`], context);
    expect([code, context.stdout.text, context.stderr.text]).toEqual([
      69,
      '',
      `ctq: there is no database at ${file} (the first ctq send, or a worker, makes it; --broker names another place)\n`,
    ]);
    expect(existsSync(join(file, '..'))).toBe(false);
  });
});
