/**
 * A log record → a line: Celery's text (WIRE 16.1), or JSON.
 *
 * What is put in through `%s` cannot forge a line or reach the terminal: control characters are shown,
 * not sent. One form keeps its line ends, `…\n%s` with the argument on a line of its own: that is
 * where tracebacks go; should a line of it look like the head of a record, it is moved by a blank.
 */
import { inspect } from 'node:util';
import type { LogLevel } from '../logger.js';
import { escapeBlock, escapeText } from './escape-text.js';
import type { LineFormats } from './line-format.js';

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

/** @param formats - Of the settings, for text; Celery's own where there are none. */
export function formatRecord(record: LogRecord, form: LogFormat, formats?: LineFormats): string {
  const message = messageOf(record.message, record.args);
  if (form === 'json') return jsonLine(record, message);
  if (formats === undefined) return textLine(record, message);
  return (record.fields['task_id'] === undefined ? formats.other : formats.task)(record, message);
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

function messageOf(template: string, args: readonly unknown[]): string {
  if (args.length === 0) return escapeBlock(template);
  let used = 0;
  const message = escapeBlock(template).replace(/%([sdifjoO%])/g, (whole, letter: string, offset: number, all: string) => {
    if (letter === '%') return '%';
    if (used >= args.length) return whole;
    const arg = args[used];
    used += 1;
    return letter === 's' && all[offset - 1] === '\n' ? blockText(arg) : inlineText(letter, arg);
  });
  // More arguments than places: an error with its stack below, anything else behind.
  const rest = args.slice(used).map((arg) => (arg instanceof Error ? `\n${blockText(arg)}` : ` ${inlineText('s', arg)}`));
  return message + rest.join('');
}

function inlineText(letter: string, arg: unknown): string {
  return escapeText(rawInlineText(letter, arg));
}

function rawInlineText(letter: string, arg: unknown): string {
  if (letter === 'd' || letter === 'i' || letter === 'f') return numberText(letter, arg);
  if (letter === 'j') return jsonOf(arg);
  if (letter === 's' && typeof arg === 'string') return arg;
  if (letter === 's' && arg instanceof Error) return `${arg.name}: ${arg.message}`;
  return letter === 's' && (typeof arg !== 'object' || arg === null) ? String(arg) : inspect(arg, ONE_LINE);
}

/**
 * The same record for a log in another process: whatever was to be put in is text by now, and each place a `%s`.
 * Nothing is escaped yet: that is for who writes the line.
 */
export function withTextArgs(template: string, args: readonly unknown[]): { readonly message: string; readonly args: readonly string[] } {
  if (args.length === 0) return { message: template, args: [] };
  const texts: string[] = [];
  const message = template.replace(/%([sdifjoO%])/g, (whole, letter: string, offset: number) => {
    if (letter === '%' || texts.length >= args.length) return whole;
    const arg = args[texts.length];
    texts.push(letter === 's' && template[offset - 1] === '\n' ? rawBlockText(arg) : rawInlineText(letter, arg));
    return '%s';
  });
  const rest = args.slice(texts.length);
  for (const arg of rest) texts.push(arg instanceof Error ? rawBlockText(arg) : rawInlineText('s', arg));
  return { message: message + rest.map((arg) => (arg instanceof Error ? '\n%s' : ' %s')).join(''), args: texts };
}

const ONE_LINE = { breakLength: Number.POSITIVE_INFINITY, depth: 4 } as const;

function numberText(letter: 'd' | 'i' | 'f', arg: unknown): string {
  if (typeof arg === 'bigint') return String(arg);
  const value = typeof arg === 'symbol' ? Number.NaN : Number(arg);
  return String(letter === 'i' ? Math.trunc(value) : value);
}

function jsonOf(arg: unknown): string {
  try {
    return JSON.stringify(arg) ?? String(arg);
  } catch {
    return inspect(arg, ONE_LINE);
  }
}

function blockText(arg: unknown): string {
  return escapeBlock(rawBlockText(arg));
}

function rawBlockText(arg: unknown): string {
  return arg instanceof Error ? (arg.stack ?? String(arg)) : typeof arg === 'string' ? arg : inspect(arg);
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
