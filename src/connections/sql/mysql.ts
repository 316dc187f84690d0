/** MySQL and MariaDB, by `mysql2`: the only file that knows it. */
import { CONNECT_LIMIT_MS, loadClient, type SqlDatabase, type SqlRow, type SqlSession, type SqlValue, toSqlFailure } from '../sql.js';

/** The part of the client that we use. */
interface Client {
  query(sql: string, values?: unknown): Promise<[unknown, ...unknown[]]>;
}

const MOST_CONNECTIONS = 4;

/** @throws ConfigError when the client is not installed. */
export function loadMysql(): Promise<typeof import('mysql2/promise')> {
  return loadClient('mysql2', 'MySQL', () => import('mysql2/promise'));
}

export async function openMysql(url: string): Promise<SqlDatabase> {
  const mysql = await loadMysql();
  const pool = mysql.createPool({
    ...{ uri: url, connectionLimit: MOST_CONNECTIONS, connectTimeout: CONNECT_LIMIT_MS, enableKeepAlive: true },
    // Times are UTC, as Celery's; texts are compared byte by byte.
    ...{ timezone: 'Z', charset: 'utf8mb4_bin', supportBigNumbers: true },
  });
  return {
    dialect: 'mysql',
    query: (sql, values) => sessionOn(pool).query(sql, values),
    async transaction(work) {
      const client = await pool.getConnection().catch((error: unknown) => {
        throw toSqlFailure(error);
      });
      const session = sessionOn(client);
      try {
        await session.query('START TRANSACTION');
        const result = await work(session);
        await session.query('COMMIT');
        client.release();
        return result;
      } catch (error) {
        // Whatever state it is in: the next one is made anew.
        client.destroy();
        throw error;
      }
    },
    close: () => pool.end(),
  };
}

function sessionOn(client: Client): SqlSession {
  return {
    async query(sql: string, values: readonly SqlValue[] = []) {
      try {
        const [rows] = await client.query(sql, values.map(bytes));
        return Array.isArray(rows) ? (rows as readonly SqlRow[]) : [];
      } catch (error) {
        throw toSqlFailure(error);
      }
    },
  };
}

/** The driver knows Buffers only. */
function bytes(value: SqlValue): unknown {
  return value instanceof Uint8Array ? Buffer.from(value.buffer, value.byteOffset, value.byteLength) : value;
}
