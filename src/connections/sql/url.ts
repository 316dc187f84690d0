/** What SQLAlchemy's URL of a database means (docs.sqlalchemy.org, Engine Configuration), without the driver that Python takes for it. */
import { maskUrl } from '../../config/masking.js';
import { ConfigError } from '../../errors.js';
import type { SqlDialect } from '../sql.js';

export interface SqlAddress {
  readonly dialect: SqlDialect;
  /** For the driver; a path for SQLite. */
  readonly target: string;
  readonly displayUrl: string;
}

const DIALECTS: Readonly<Record<string, SqlDialect>> = {
  ...{ sqlite: 'sqlite', postgresql: 'postgresql', postgres: 'postgresql', mysql: 'mysql', mariadb: 'mysql' },
};

/** @throws ConfigError */
export function parseSqlUrl(url: string): SqlAddress {
  const displayUrl = maskUrl(url);
  const match = /^(?:db\+)?([a-z]+)(?:\+[a-z0-9]+)?:\/\/(.*)$/i.exec(url);
  const name = match?.[1]?.toLowerCase() ?? '';
  const dialect = Object.hasOwn(DIALECTS, name) ? DIALECTS[name] : undefined;
  const rest = match?.[2] ?? '';
  if (dialect === undefined) {
    throw new ConfigError(`${displayUrl} is no database that ctq knows`, {
      hint: 'db+sqlite:////path/results.db, db+postgresql://user:pw@host/db or db+mysql://user:pw@host/db',
    });
  }
  if (dialect !== 'sqlite') return { dialect, target: `${dialect}://${rest}`, displayUrl };
  // Three slashes and a relative path, four and an absolute one.
  const path = decodeURIComponent(rest.replace(/\?.*$/, '').replace(/^\//, ''));
  if (path === '' || path === ':memory:') {
    throw new ConfigError(`${displayUrl} names no file`, { hint: 'write it as db+sqlite:////absolute/path.db' });
  }
  return { dialect, target: path, displayUrl };
}
