/** `sqlite://` URLs: which file, and how durable. */
import { resolve } from 'node:path';
import { ConfigError } from '../../errors.js';

/** `full` survives a power cut with every acknowledged write; `normal` may lose the last moments, and is never damaged. */
export type SqliteSync = 'full' | 'normal';

export interface SqliteLocation {
  readonly path: string;
  /** undefined where nothing was said, which is `full`. */
  readonly sync: SqliteSync | undefined;
}

const DEFAULT_FILE = '.ctq/ctq.db';

/**
 * `sqlite://` is `.ctq/ctq.db`, `sqlite://some/file.db` is relative, `sqlite:///var/lib/ctq.db` absolute.
 * `?sync=normal` or the transport option `sync` chooses the durability; the URL wins.
 *
 * @throws ConfigError when it cannot be read.
 */
export function parseSqliteUrl(url: string, transportOptions: Readonly<Record<string, unknown>> = {}): SqliteLocation {
  const match = /^sqlite:\/\/([^?#]*)(?:\?([^#]*))?$/i.exec(url);
  if (match === null) throw new ConfigError(`"${url}" is no SQLite URL`, { hint: 'write sqlite:///path/to/file.db' });
  const query = new URLSearchParams(match[2] ?? '');
  for (const key of query.keys()) {
    if (key !== 'sync')
      throw new ConfigError(`"${url}" has an unknown parameter "${key}"`, { hint: 'the one there is: sync=full or sync=normal' });
  }
  return { path: resolve(fileOf(url, match[1] ?? '')), sync: syncOf(query.get('sync') ?? transportOptions['sync']) };
}

function fileOf(url: string, encoded: string): string {
  let file: string;
  try {
    file = decodeURIComponent(encoded);
  } catch {
    throw new ConfigError(`the path in "${url}" has a broken %-escape`, { hint: 'write a percent sign as %25' });
  }
  if (file === ':memory:' || file === '/:memory:') {
    throw new ConfigError(`"${url}" names no file that processes could share`, { hint: 'for one process use memory://' });
  }
  if (file.includes('\0'))
    throw new ConfigError('the path of the SQLite file holds a NUL character', { hint: 'write sqlite:///path/to/file.db' });
  if (file.endsWith('/') && file !== '/') throw new ConfigError(`"${url}" names a folder`, { hint: `name the file in it: ${url}ctq.db` });
  if (file === '' || file === '/') return DEFAULT_FILE;
  // sqlite:///C:/data/ctq.db: the slash belongs to the URL, not to the path.
  return /^\/[A-Za-z]:[\\/]/.test(file) ? file.slice(1) : file;
}

function syncOf(value: unknown): SqliteSync | undefined {
  if (value === undefined || value === null) return undefined;
  if (value === 'full' || value === 'normal') return value;
  throw new ConfigError(`the SQLite option sync is ${JSON.stringify(value)}`, { hint: 'use "full" or "normal"' });
}
