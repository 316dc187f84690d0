import { Writable } from 'node:stream';
import { format } from 'node:util';
import { describe, expect, it } from 'vitest';
import { currentTask } from '../../../src/execution/task-context.js';
import { logPrints } from '../../../src/execution/printed-lines.js';
import { type Logger, silentLogger } from '../../../src/logger.js';
import { setUp } from './run-support.js';

function recorder(lines: string[], head = ''): Logger {
  return {
    ...silentLogger,
    warning: (message, ...args) => void lines.push(`WARNING ${head}${format(message, ...args)}`),
    info: (message, ...args) => void lines.push(`INFO ${head}${format(message, ...args)}`),
    child: ({ task_id: id, task_name: name }) => recorder(lines, `${name}[${id}] `),
  };
}

function stream() {
  const written: string[] = [];
  const sink = new Writable({
    write(chunk, _encoding, done) {
      written.push(String(chunk));
      done();
    },
  });
  return { sink, written };
}

describe('logPrints', () => {
  it('makes a line of each line that is printed, and none of what is blank', () => {
    const lines: string[] = [];
    const { sink, written } = stream();
    logPrints(sink, { logger: recorder(lines), level: 'warning', outside: 'log' });
    sink.write('one\ntwo  \n\n');
    sink.write('\n');
    sink.write(Buffer.from('drei ü'));
    sink.write('cafe', 'utf8');
    expect(lines).toEqual(['WARNING one', 'WARNING two', 'WARNING drei ü', 'WARNING cafe']);
    expect(written).toEqual([]);
  });

  it('puts the task on what is printed within one, however many awaits away', async () => {
    const lines: string[] = [];
    const { sink } = stream();
    const logger = recorder(lines);
    logPrints(sink, { logger, level: 'info', outside: 'leave' });
    const { register, executor, environment, start } = setUp();
    Object.assign(environment, { logger });
    void executor;
    register(async () => {
      await Promise.resolve();
      sink.write(`in ${currentTask()?.request.id}\n`);
    });
    await start([], { id: 'a' }).outcome;
    expect(lines).toEqual(['INFO tasks.it[a] in a']);
  });

  it('leaves to the stream what is printed elsewhere, if it is told to', async () => {
    const lines: string[] = [];
    const { sink, written } = stream();
    logPrints(sink, { logger: recorder(lines), level: 'warning', outside: 'leave' });
    await new Promise<void>((resolve) => sink.write('outside\n', () => resolve()));
    expect(written).toEqual(['outside\n']);
    expect(lines).toEqual([]);
  });

  it('calls back, and gives the stream back in the end', async () => {
    const { sink, written } = stream();
    const before = sink.write;
    const release = logPrints(sink, { logger: recorder([]), level: 'warning', outside: 'log' });
    await new Promise<void>((resolve) => sink.write('a', 'utf8', () => resolve()));
    await new Promise<void>((resolve) => sink.write('b', () => resolve()));
    release();
    expect(sink.write).toBe(before);
    sink.write('again');
    expect(written).toEqual(['again']);
  });
});
