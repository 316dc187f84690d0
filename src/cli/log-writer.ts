/**
 * The logger behind `-l`, `-f` and `--logfile-format`. Lines of one tick are written together: at
 * 20,000 tasks a second a call of the system per line would cost more than the tasks.
 */
import { closeSync, constants, existsSync, fstatSync, lstatSync, openSync, statSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Clock } from '../clock.js';
import { OutputFileError } from '../errors.js';
import { LOG_LEVELS, type Logger, type LogLevel } from '../logger.js';
import type { LineFormats } from './line-format.js';
import { formatRecord, type LogFormat, type LogRecord } from './log-format.js';
import type { Colour, Paint } from './output/colour.js';

export interface LogWriter extends Logger {
  /** Writes what is buffered, now. */
  flush(): void;
  /** How lines look from now on: the settings are known when the app is loaded. */
  restyle(style: LogStyle): void;
  /** Opens its file anew: somebody has moved it away. */
  reopen(): void;
  close(): void;
}

export interface LogStyle {
  /** Undefined for Celery's own. */
  readonly formats: LineFormats | undefined;
  /** `by terminal`: where the log goes to one. */
  readonly colour: 'by terminal' | 'never';
}

/** Where lines go. `write` must not lose anything, also when the process ends right after. */
export interface LogSink {
  write(text: string): void;
  /** For a file; nothing where there is none. */
  reopen?(): void;
  close(): void;
}

export interface LogSetting {
  readonly level: LogLevel;
  readonly format: LogFormat;
  readonly sink: LogSink;
  readonly clock: Clock;
  readonly processName?: string;
  readonly paint?: Paint;
}

/** What is the same on each line of one logger. */
type LineHead = Pick<LogRecord, 'fields' | 'processName'>;

/** So much is not kept for the end of the tick. */
const FLUSH_AT = 256 * 1024;

const LEVEL_COLOURS: Readonly<Record<LogLevel, Colour | undefined>> = {
  debug: 'blue',
  info: undefined,
  warning: 'yellow',
  error: 'red',
  critical: 'magenta',
};

export function createLogWriter(setting: LogSetting): LogWriter {
  const { sink, clock, format, processName = 'MainProcess' } = setting;
  let { paint } = setting;
  let formats: LineFormats | undefined;
  const threshold = LOG_LEVELS.indexOf(setting.level);
  let buffer = '';
  let scheduled = false;

  const flush = (): void => {
    scheduled = false;
    if (buffer === '') return;
    const text = buffer;
    buffer = '';
    sink.write(text);
  };
  // The end of the process is not the end of a tick.
  process.on('exit', flush);

  const log = (level: LogLevel, head: LineHead, message: string, args: readonly unknown[]): void => {
    if (LOG_LEVELS.indexOf(level) < threshold) return;
    const line = formatRecord({ level, message, args, ...head, timeMs: clock.nowMs() }, format, formats);
    const colour = LEVEL_COLOURS[level];
    buffer += paint === undefined || colour === undefined ? line : `${paint(colour, line.slice(0, -1))}\n`;
    // What may be the last words is written at once.
    if (level === 'critical' || buffer.length > FLUSH_AT) flush();
    else if (!scheduled) {
      scheduled = true;
      setImmediate(flush);
    }
  };

  const loggerWith = (head: LineHead): Logger => ({
    debug: (message, ...args) => log('debug', head, message, args),
    info: (message, ...args) => log('info', head, message, args),
    warning: (message, ...args) => log('warning', head, message, args),
    error: (message, ...args) => log('error', head, message, args),
    critical: (message, ...args) => log('critical', head, message, args),
    isEnabled: (level) => LOG_LEVELS.indexOf(level) >= threshold,
    child({ process_name: own, ...more }) {
      return loggerWith({ fields: { ...head.fields, ...more }, processName: own ?? head.processName });
    },
  });

  return {
    ...loggerWith({ fields: {}, processName }),
    flush,
    restyle(style) {
      formats = style.formats;
      if (style.colour === 'never') paint = undefined;
    },
    reopen() {
      flush();
      sink.reopen?.();
    },
    close() {
      flush();
      process.off('exit', flush);
      sink.close();
    },
  };
}

/** A stream that somebody else closes: stderr. Its own way to write is kept, for prints to it may become lines of this very log. */
export function streamSink(stream: NodeJS.WritableStream): LogSink {
  const write = stream.write.bind(stream);
  return { write: (text) => void write(text), close() {} };
}

/** How often a file is looked at for having been moved away. */
const LOOK_EVERY_MS = 1000;

/**
 * Appends to a file. When logrotate has moved it away, the next write makes a new one, as Celery does.
 *
 * @throws {@link OutputFileError} when it cannot be opened.
 */
export function fileSink(path: string, clock: Clock): LogSink {
  let fd = openLog(path);
  let lookedAt = clock.monotonicMs();
  return {
    write(text) {
      const now = clock.monotonicMs();
      if (now - lookedAt >= LOOK_EVERY_MS) {
        lookedAt = now;
        fd = reopenIfMoved(path, fd);
      }
      writeFully(fd, text);
    },
    reopen() {
      fd = reopenIfMoved(path, fd);
    },
    close: () => closeSync(fd),
  };
}

function openLog(path: string): number {
  try {
    return openForAppending(path);
  } catch (error) {
    throw outputFileError('logfile', path, error);
  }
}

/**
 * A log tells who sent what: not for everybody on the machine (RELIABILITY S17). Nothing is made through a symbolic link, and
 * one that leads to a file is followed when root or this user made it: images link their logs to /dev/stdout.
 */
function openForAppending(path: string): number {
  const { O_APPEND, O_WRONLY, O_CREAT } = constants;
  try {
    return openSync(path, O_APPEND | O_WRONLY | O_CREAT | (constants.O_NOFOLLOW ?? 0), 0o640);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ELOOP') throw error;
  }
  const { uid } = lstatSync(path);
  if (uid !== 0 && uid !== process.getuid?.()) throw Object.assign(new Error('a foreign link'), { code: 'ELOOP' });
  if (!existsSync(path)) throw Object.assign(new Error('a link to nothing'), { code: 'EMLINK' });
  return openSync(path, O_APPEND | O_WRONLY);
}

function reopenIfMoved(path: string, fd: number): number {
  const now = statSync(path, { throwIfNoEntry: false });
  const open = fstatSync(fd);
  if (now !== undefined && now.ino === open.ino && now.dev === open.dev) return fd;
  try {
    const fresh = openForAppending(path);
    closeSync(fd);
    return fresh;
  } catch {
    return fd; // The folder may be away for a moment: better the old file than no log.
  }
}

function writeFully(fd: number, text: string): void {
  let bytes = Buffer.from(text, 'utf8');
  while (bytes.length > 0) {
    try {
      bytes = bytes.subarray(writeSync(fd, bytes));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN') continue;
      return; // A full disk must not end a worker; what it would have said is lost.
    }
  }
}

/** Which path, and what to change. */
export function outputFileError(what: 'logfile' | 'pidfile', path: string, error: unknown): OutputFileError {
  const { code } = error as NodeJS.ErrnoException;
  const [problem, remedy] =
    code === 'ENOENT' || code === 'ENOTDIR'
      ? [`there is no folder ${dirname(path)}`, `create it, or choose another --${what}`]
      : code === 'EACCES' || code === 'EPERM' || code === 'EROFS'
        ? ['permission denied', `let this user write in ${dirname(path)}, or choose another --${what}`]
        : code === 'EMLINK'
          ? ['it is a symbolic link to nothing', 'remove it, or make its target']
          : code === 'ELOOP'
            ? ['it is a symbolic link of somebody else', 'remove it, or name its target']
            : code === 'EISDIR'
              ? ['it is a folder', `name a file in it`]
              : [`the system says ${code ?? String(error)}`, `choose another --${what}`];
  return new OutputFileError(`cannot create the ${what} ${path}: ${problem}`, { hint: remedy, cause: error });
}
