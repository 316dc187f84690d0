/** PostgreSQL, by `pg`: the only file that knows it. */
import { CONNECT_LIMIT_MS, loadClient, type SqlDatabase, type SqlRow, type SqlSession, type SqlValue, toSqlFailure } from '../sql.js';

/** The part of the client that we use. */
interface Client {
  query(sql: string, values?: readonly unknown[]): Promise<{ readonly rows: readonly SqlRow[] }>;
}

const MOST_CONNECTIONS = 4;

/** @throws ConfigError when the client is not installed. */
export function loadPostgresql(): Promise<typeof import('pg')> {
  return loadClient('pg', 'PostgreSQL', () => import('pg'));
}

export async function openPostgresql(url: string): Promise<SqlDatabase> {
  const { default: pg } = await loadPostgresql();
  const pool = new pg.Pool({
    ...{ connectionString: url, max: MOST_CONNECTIONS, connectionTimeoutMillis: CONNECT_LIMIT_MS },
    ...{ keepAlive: true, application_name: 'ctq results', allowExitOnIdle: true },
  });
  // A connection that breaks while nobody uses it: the next one is made anew.
  pool.on('error', () => {});
  return {
    dialect: 'postgresql',
    query: (sql, values) => sessionOn(pool).query(sql, values),
    async transaction(work) {
      const client = await pool.connect().catch((error: unknown) => {
        throw toSqlFailure(error);
      });
      client.on('error', ignore);
      const session = sessionOn(client);
      let broken = true;
      try {
        await session.query('BEGIN');
        const result = await work(session);
        await session.query('COMMIT');
        broken = false;
        return result;
      } catch (error) {
        broken = await session.query('ROLLBACK').then(
          () => false,
          () => true,
        );
        throw error;
      } finally {
        client.off('error', ignore);
        client.release(broken);
      }
    },
    close: () => pool.end(),
  };
}

function ignore(): void {
  // The query that is under way says it.
}

function sessionOn(client: Client): SqlSession {
  return {
    async query(sql: string, values: readonly SqlValue[] = []) {
      let at = 0;
      const numbered = sql.replaceAll('?', () => `$${(at += 1)}`);
      try {
        return (await client.query(numbered, values)).rows;
      } catch (error) {
        throw toSqlFailure(error);
      }
    },
  };
}
