/** What somebody is told who has not installed the client of a result backend. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

const CLIENTS = ['pg', 'mysql2/promise', 'memjs'];
const OPTIONS = { transportOptions: {}, resultExpires: null, connectTimeoutMs: 1_000 };

beforeEach(() => {
  vi.resetModules();
  for (const name of CLIENTS) {
    vi.doMock(name, () => {
      throw new Error(`Cannot find package '${name}'`);
    });
  }
});
afterEach(() => {
  for (const name of CLIENTS) vi.doUnmock(name);
  vi.resetModules();
});

describe('a result backend whose client is not installed', () => {
  it.each([
    ['db+postgresql://host/db', 'PostgreSQL', 'pg'],
    ['db+postgresql+psycopg2://host/db', 'PostgreSQL', 'pg'],
    ['db+mysql://host/db', 'MySQL', 'mysql2'],
    ['db+mariadb://host/db', 'MySQL', 'mysql2'],
    ['cache+memcached://host/', 'memcached', 'memjs'],
  ])('%s is refused when it is opened, before a task runs whose result has no place', async (url, what, name) => {
    const { openResultBackend } = await import('../../../src/result-backends/index.js');
    await expect(openResultBackend(url, OPTIONS)).rejects.toMatchObject({
      message: `${what} needs the package ${name}, which is not installed`,
      hint: `npm install ${name}`,
    });
  });

  it('is not asked for by those that need none', async () => {
    const { openResultBackend } = await import('../../../src/result-backends/index.js');
    for (const url of ['db+sqlite:////no/such/folder/r.db', 'memory://', 'disabled://'])
      await (await openResultBackend(url, OPTIONS)).close();
  });
});
