/**
 * A log record → a line: Celery's text (WIRE 16.1), or JSON.
 *
 * What is put in through `%s` cannot forge a line or reach the terminal: control characters are shown,
 * not sent. One form keeps its line ends, `…\n%s` with the argument on a line of its own: that is
 * where tracebacks go; should a line of it look like the head of a record, it is moved by a blank.
 */
import { format, inspect } from 'node:util';
import type { LogLevel } from '../logger.js';
import { escapeBlock, escapeText } from './escape-text.js';

export type LogFormat = 'text' | 'json';

export interface LogRecord {
  readonly level: LogLevel;
  readonly message: string;
  readonly args: readonly unknown[];
  /** `task_id`, `task_name` and others of a child logger. */
  readonly fields: Readonly<Record<string, string>>;
  readonly timeMs: number;
  /** `MainProcess`, or `ForkPoolWorker-1`. */
  readonly processName: string;
}

export function formatRecord(record: LogRecord, form: LogFormat): string {
  const message = messageOf(record.message, record.args);
  return form === 'json' ? jsonLine(record, message) : textLine(record, message);
}

function textLine({ level, fields, timeMs, processName }: LogRecord, message: string): string {
  const { task_name: name, task_id: id } = fields;
  const task = id === undefined ? '' : `${escapeText(name ?? '???')}[${escapeText(id)}]: `;
  return `[${localTime(timeMs)}: ${level.toUpperCase()}/${processName}] ${task}${message.replace(/\n(?=\[)/g, '\n ')}\n`;
}

/** Keys in this order; the fields of a child logger between them. */
function jsonLine({ level, fields, timeMs, processName }: LogRecord, message: string): string {
  return `${JSON.stringify({ time: new Date(timeMs).toISOString(), level: level.toUpperCase(), process: processName, ...fields, message })}\n`;
}

function messageOf(message: string, args: readonly unknown[]): string {
  if (args.length === 0) return escapeBlock(message);
  let index = 0;
  // `%%` and unknown letters take no argument; `format` treats them the same way.
  const safe = message.replace(/(\n?)%([sdifjoOc%])/g, (whole, lineEnd: string, letter: string) => {
    if (letter !== '%') index += 1;
    return lineEnd === '' || letter !== 's' ? whole : `${lineEnd}${BLOCK}%s`;
  });
  const blocks = blockPositions(safe);
  const shown = args.map((arg, position) => (blocks.has(position) || position >= index ? blockText(arg) : lineText(arg)));
  return escapeBlock(format(safe.replaceAll(BLOCK, ''), ...shown));
}

/** Stands before a `%s` that has a line of its own; cannot be in a message, which is program text. */
const BLOCK = '\u0000';

function blockPositions(message: string): ReadonlySet<number> {
  const positions = new Set<number>();
  let index = 0;
  for (const [whole, before, letter] of message.matchAll(/(\u0000?)%([sdifjoOc%])/g)) {
    void whole;
    if (letter === '%') continue;
    if (before === BLOCK) positions.add(index);
    index += 1;
  }
  return positions;
}

/** Numbers and such stay as they are for `%d`; what becomes text becomes safe text. */
function lineText(arg: unknown): unknown {
  if (typeof arg === 'string') return escapeText(arg);
  if (arg instanceof Error) return escapeText(`${arg.name}: ${arg.message}`);
  return typeof arg === 'object' && arg !== null ? new Shown(arg) : arg;
}

function blockText(arg: unknown): unknown {
  if (arg instanceof Error) return arg.stack ?? String(arg);
  return arg;
}

/** An object that shows itself on one line, whatever letter asks. */
class Shown {
  private readonly value: object;
  constructor(value: object) {
    this.value = value;
  }
  toString(): string {
    return escapeText(inspect(this.value, { breakLength: Number.POSITIVE_INFINITY, depth: 4 }));
  }
  toJSON(): unknown {
    return this.value;
  }
  [inspect.custom](): string {
    return this.toString();
  }
}

let second = Number.NaN;
let secondText = '';

/** `2026-11-21 08:19:33,539`, local time. The part down to the second is made once a second. */
export function localTime(timeMs: number): string {
  const inSeconds = Math.floor(timeMs / 1000);
  if (inSeconds !== second) {
    second = inSeconds;
    const date = new Date(inSeconds * 1000);
    const two = (value: number): string => String(value).padStart(2, '0');
    const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
    secondText = `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  }
  return `${secondText},${String(Math.floor(timeMs) - inSeconds * 1000).padStart(3, '0')}`;
}
