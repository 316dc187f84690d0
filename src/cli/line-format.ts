/**
 * `worker_log_format` and `worker_task_log_format`: Python's `%(asctime)s` templates for the lines of a log. What only Python's
 * loggers know, such as the line of the code, is refused.
 */
import { ConfigError } from '../errors.js';
import { LOG_LEVELS } from '../logger.js';
import { escapeText } from './escape-text.js';
import { localTime, type LogRecord } from './log-format.js';

/** A record, and its message as text → a line with its end. */
export type LineFormat = (record: LogRecord, message: string) => string;

/** Lines of tasks, and all others. */
export interface LineFormats {
  readonly task: LineFormat;
  readonly other: LineFormat;
}

type Part = string | ((record: LogRecord, message: string) => string);

/** Attributes of Python's LogRecord, and the two that Celery adds. */
const ATTRIBUTES: Readonly<Record<string, (record: LogRecord, message: string) => string | number>> = {
  asctime: ({ timeMs }) => localTime(timeMs),
  created: ({ timeMs }) => timeMs / 1000,
  msecs: ({ timeMs }) => Math.floor(timeMs) % 1000,
  levelname: ({ level }) => level.toUpperCase(),
  levelno: ({ level }) => (LOG_LEVELS.indexOf(level) + 1) * 10,
  message: (_record, message) => message,
  name: ({ fields }) => (fields['task_id'] === undefined ? 'celery' : 'celery.task'),
  process: () => process.pid,
  processName: ({ processName }) => processName,
  threadName: () => 'MainThread',
  task_id: ({ fields }) => escapeText(fields['task_id'] ?? '???'),
  task_name: ({ fields }) => escapeText(fields['task_name'] ?? '???'),
};

/**
 * @param setting - Its name, for the error.
 * @throws {@link ConfigError} for an attribute that there is not.
 */
export function lineFormat(template: string, setting: string): LineFormat {
  const parts: Part[] = [];
  let end = 0;
  for (const match of template.matchAll(/%(?:\((\w+)\)([-0 ]*)(\d*)(?:\.(\d+))?([sdif])|%)/g)) {
    parts.push(template.slice(end, match.index));
    end = match.index + match[0].length;
    parts.push(match[0] === '%%' ? '%' : attribute(match, setting));
  }
  parts.push(template.slice(end));
  if (parts.some((part) => typeof part === 'string' && /%(?!$)\(/.test(part))) {
    throw new ConfigError(`${setting} is ${JSON.stringify(template)}`, { hint: `write attributes as %(levelname)s or %(levelname)-8s` });
  }
  return (record, message) => {
    // Only a line of its own begins like one: what is below it, a traceback, is moved by a blank.
    const block = message.replace(/\n(?=\S)/g, '\n ');
    return `${parts.map((part) => (typeof part === 'string' ? part : part(record, block))).join('')}\n`;
  };
}

function attribute([whole, name = '', flags = '', width = '', precision, kind]: RegExpExecArray, setting: string): Part {
  const read = ATTRIBUTES[name];
  if (read === undefined) {
    throw new ConfigError(`${setting}: there is no ${whole} here`, {
      hint: `there are ${Object.keys(ATTRIBUTES).join(', ')}; --logfile-format json has them all`,
    });
  }
  const least = Number(width);
  return (record, message) => {
    const value = read(record, message);
    const digits = kind === 'f' ? Number(precision ?? 6) : 0;
    const text = typeof value === 'number' && kind !== 's' ? value.toFixed(digits) : String(value);
    const cut = kind === 's' && precision !== undefined ? text.slice(0, Number(precision)) : text;
    return flags.includes('-') ? cut.padEnd(least) : cut.padStart(least, flags.includes('0') && kind !== 's' ? '0' : ' ');
  };
}
