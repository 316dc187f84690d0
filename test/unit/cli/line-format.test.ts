import { describe, expect, it } from 'vitest';
import { lineFormat } from '../../../src/cli/line-format.js';
import { formatRecord, localTime, type LogRecord } from '../../../src/cli/log-format.js';
import { SETTINGS } from '../../../src/config/settings.js';

const record = (more: Partial<LogRecord> = {}): LogRecord => ({
  ...{ level: 'info', message: 'hello', args: [], fields: {}, timeMs: 1_763_712_000_007, processName: 'MainProcess' },
  ...more,
});
const line = (template: string, more?: Partial<LogRecord>): string => {
  const format = lineFormat(template, 'worker_log_format');
  return formatRecord(record(more), 'text', { other: format, task: format });
};

describe('a log format of the settings', () => {
  it('gives the same lines as Celery’s own when it is Celery’s own', () => {
    const formats = {
      other: lineFormat(SETTINGS.workerLogFormat.default, 'worker_log_format'),
      task: lineFormat(SETTINGS.workerTaskLogFormat.default, 'worker_task_log_format'),
    };
    for (const one of [record(), record({ level: 'warning', fields: { task_id: 'id', task_name: 'tasks.add' } })]) {
      expect(formatRecord(one, 'text', formats)).toBe(formatRecord(one, 'text'));
    }
  });

  it('knows what Python knows of a record', () => {
    expect(line('%(asctime)s')).toBe(`${localTime(1_763_712_000_007)}\n`);
    expect(line('%(levelno)d %(name)s %(process)d %(created).3f %(msecs)03d 100%%')).toBe(
      `20 celery ${process.pid} 1763712000.007 007 100%\n`,
    );
    expect(line('[%(levelname)-8s] [%(levelname)8s] [%(levelname).1s]')).toBe('[INFO    ] [    INFO] [I]\n');
    expect(line('%(task_name)s %(task_id)s %(message)s')).toBe('??? ??? hello\n');
  });

  it('lets nothing that is logged look like a line of its own', () => {
    const forged = 'a\nERROR evil';
    expect(line('%(levelname)s %(message)s', { message: '%s', args: [forged] })).toBe(String.raw`INFO a\nERROR evil` + '\n');
    expect(line('%(levelname)s %(message)s', { message: 'failed:\n%s', args: [forged] })).toBe('INFO failed:\n a\n ERROR evil\n');
    expect(line('%(task_id)s', { fields: { task_id: forged } })).toBe(String.raw`a\nERROR evil` + '\n');
  });

  it('is refused for what there is not, with what there is', () => {
    expect(() => lineFormat('%(lineno)d', 'worker_log_format')).toThrow('worker_log_format: there is no %(lineno)d here');
    expect(() => lineFormat('%(message)', 'worker_log_format')).toThrow('worker_log_format is "%(message)"');
  });
});
