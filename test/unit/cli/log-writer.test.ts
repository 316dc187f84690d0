import { existsSync, lchownSync, readFileSync, renameSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { createLogWriter, fileSink, type LogSink, type LogWriter } from '../../../src/cli/log-writer.js';
import { OutputFileError } from '../../../src/errors.js';
import type { LogLevel } from '../../../src/logger.js';
import { FakeClock } from '../../support/fake-clock.js';
import { NOT_ROOT, testUnless } from '../../support/requires.js';
import { tmpFolder } from '../../support/tmp.js';

class MemorySink implements LogSink {
  readonly writes: string[] = [];
  closed = false;
  write(text: string): void {
    this.writes.push(text);
  }
  close(): void {
    this.closed = true;
  }
}

const open: LogWriter[] = [];
afterEach(() => open.splice(0).forEach((log) => log.close()));

function writer(level: LogLevel, sink: LogSink, clock = new FakeClock()): LogWriter {
  const log = createLogWriter({ level, format: 'text', sink, clock });
  open.push(log);
  return log;
}

const nextTick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('createLogWriter', () => {
  it('has the name of another process on its lines where a child logger says so', async () => {
    const sink = new MemorySink();
    const log = writer('info', sink);
    log.child({ task_id: '1', task_name: 'n' }).child({ process_name: 'ForkPoolWorker-3' }).info('there');
    log.child({ process_name: 'ForkPoolWorker-3' }).child({ task_id: '1', task_name: 'n' }).info('too');
    log.info('here');
    await nextTick();
    const lines = sink.writes.join('').split('\n');
    expect(lines.map((line) => line.replace(/^.*: INFO/, 'INFO'))).toEqual([
      'INFO/ForkPoolWorker-3] n[1]: there',
      'INFO/ForkPoolWorker-3] n[1]: too',
      'INFO/MainProcess] here',
      '',
    ]);
  });

  it('writes the lines of one tick in one go', async () => {
    const sink = new MemorySink();
    const log = writer('info', sink);
    log.info('one');
    log.info('two');
    expect(sink.writes).toEqual([]);
    await nextTick();
    expect(sink.writes).toHaveLength(1);
    expect(sink.writes[0]?.match(/\n/g)).toHaveLength(2);
  });

  it('leaves out what is below its level, and says so', () => {
    const sink = new MemorySink();
    const log = writer('warning', sink);
    log.debug('no');
    log.info('no');
    log.warning('yes');
    log.flush();
    expect(sink.writes.join('')).toMatch(/^\[.*WARNING.*yes\n$/);
    expect([log.isEnabled('info'), log.isEnabled('error')]).toEqual([false, true]);
  });

  it('writes last words at once', () => {
    const sink = new MemorySink();
    writer('info', sink).critical('the end');
    expect(sink.writes).toHaveLength(1);
  });

  it('does not keep more than it should', () => {
    const sink = new MemorySink();
    const log = writer('info', sink);
    for (let line = 0; line < 10_000; line += 1) log.info('x'.repeat(100));
    expect(sink.writes.length).toBeGreaterThan(2);
  });

  it('has children that add their fields to those of the parent', () => {
    const sink = new MemorySink();
    const log = writer('info', sink);
    log.child({ task_name: 'tasks.add' }).child({ task_id: '57cb' }).info('hello');
    log.flush();
    expect(sink.writes.join('')).toMatch(/\] tasks\.add\[57cb\]: hello\n$/);
  });

  it('writes what is left when it is closed', () => {
    const sink = new MemorySink();
    const log = writer('info', sink);
    log.info('left');
    log.close();
    expect([sink.writes.length, sink.closed]).toEqual([1, true]);
  });
});

describe('fileSink', () => {
  it('appends, in a file that is not for everybody', () => {
    const path = join(tmpFolder({ 'ctq.log': 'before\n' }), 'ctq.log');
    const sink = fileSink(path, new FakeClock());
    sink.write('after\n');
    sink.close();
    expect(readFileSync(path, 'utf8')).toBe('before\nafter\n');
    const fresh = join(tmpFolder(), 'new.log');
    fileSink(fresh, new FakeClock()).close();
    expect(statSync(fresh).mode & 0o137).toBe(0);
  });

  it('makes a new file when the old one was moved away', async () => {
    const folder = tmpFolder();
    const clock = new FakeClock();
    const path = join(folder, 'ctq.log');
    const sink = fileSink(path, clock);
    sink.write('one\n');
    renameSync(path, `${path}.1`);
    sink.write('two\n');
    await clock.advance(1000);
    sink.write('three\n');
    sink.close();
    expect(readFileSync(`${path}.1`, 'utf8')).toBe('one\ntwo\n');
    expect(readFileSync(path, 'utf8')).toBe('three\n');
  });

  it('says which folder is missing', () => {
    const path = join(tmpFolder(), 'no', 'such', 'ctq.log');
    expect(() => fileSink(path, new FakeClock())).toThrow(OutputFileError);
    expect(() => fileSink(path, new FakeClock())).toThrow(/cannot create the logfile .*ctq\.log: there is no folder .*no\/such$/);
  });

  it('says that a folder is no file', () => {
    expect(() => fileSink(tmpFolder(), new FakeClock())).toThrow('it is a folder');
  });

  it('makes nothing through a symbolic link, and follows one to a file that is there', () => {
    const folder = tmpFolder({ 'there.log': 'before\n' });
    symlinkSync(join(folder, 'nowhere.log'), join(folder, 'dangling'));
    expect(() => fileSink(join(folder, 'dangling'), new FakeClock())).toThrow(OutputFileError);
    expect(() => fileSink(join(folder, 'dangling'), new FakeClock())).toThrow('it is a symbolic link to nothing');
    expect(existsSync(join(folder, 'nowhere.log'))).toBe(false);
    symlinkSync(join(folder, 'there.log'), join(folder, 'link'));
    const sink = fileSink(join(folder, 'link'), new FakeClock());
    sink.write('after\n');
    sink.close();
    expect(readFileSync(join(folder, 'there.log'), 'utf8')).toBe('before\nafter\n');
  });

  testUnless(NOT_ROOT, 'does not follow a link that somebody else has put there', () => {
    const folder = tmpFolder({ 'precious.txt': '' });
    symlinkSync(join(folder, 'precious.txt'), join(folder, 'link'));
    lchownSync(join(folder, 'link'), 65_534, 65_534);
    expect(() => fileSink(join(folder, 'link'), new FakeClock())).toThrow('symbolic link of somebody else');
  });
});
