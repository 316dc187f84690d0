/** docs/security.md promises; what it names as proof must be there. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { OwnedProcess } from './support/owned-process.js';
import { readSourceModules } from './support/source-modules.js';
import { tmpFolder } from './support/tmp.js';

const page = fileURLToPath(new URL('../docs/security.md', import.meta.url));
const rows = readFileSync(page, 'utf8')
  .split('\n')
  .filter((line) => /^\| S\d/.test(line))
  .map((line) => line.split(' | '));

describe('docs/security.md', () => {
  it('has a row for each of the 25 points, with a state', () => {
    expect(rows.map(([name]) => name?.replace('| ', ''))).toEqual(Array.from({ length: 25 }, (_, at) => `S${at + 1}`));
    expect(rows.map((row) => row.at(-1)).filter((state) => !/^(kept|partly|open) \|$/.test(state ?? ''))).toEqual([]);
  });

  it.each(rows.map((row) => [row[0]?.replace('| ', '') ?? '', row] as const))(
    'names for %s files and tests that are there',
    (_name, row) => {
      const proofs = [...(row[3] ?? '').matchAll(/\]\((?<file>[^)]+)\): “(?<title>[^”]+)”/g)];
      expect(proofs.length).toBeGreaterThan(0);
      for (const { groups } of proofs) {
        const file = join(dirname(page), groups?.['file'] ?? '');
        expect(existsSync(file), file).toBe(true);
        expect(readFileSync(file, 'utf8')).toContain(groups?.['title']);
      }
      for (const [, path = ''] of (row[2] ?? '').matchAll(/`([^`]+)`/g)) {
        expect(existsSync(join(dirname(page), '..', path)), path).toBe(true);
      }
    },
  );
});

describe('the program', () => {
  it('starts no shell', () => {
    // `exec` takes a command line, and so does `spawn` with `shell`.
    const shell = /\bexec(?:Sync)?\b[^;]*from 'node:child_process'|\bshell: *(?:true|['"`]\/|process)/;
    const found = readSourceModules().flatMap(({ path, lines }) =>
      lines.flatMap((text, at) => (shell.test(text) ? [`${path}:${at + 1}`] : [])),
    );
    expect(found).toEqual([]);
  });

  it('runs no script when it is installed', () => {
    const { scripts } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
      scripts: Record<string, string>;
    };
    expect(Object.keys(scripts).filter((name) => /^(pre|post)?install$|^prepare$/.test(name))).toEqual([]);
  });
});

// npm starts once for each, which a busy machine takes its time for.
describe('the audit of what is installed', { timeout: 120_000 }, () => {
  /** A registry that answers the one question about weaknesses, or does not. */
  async function auditAgainst(status: number, answer: unknown): Promise<{ readonly code: number | null; readonly stdout: string }> {
    const registry = createServer((request, response) => {
      request.resume().on('end', () => {
        response.writeHead(status, { 'content-type': 'application/json' });
        response.end(JSON.stringify(request.method === 'GET' ? packageAt(request.url ?? '') : answer));
      });
    });
    await new Promise<void>((resolve) => registry.listen(0, '127.0.0.1', resolve));
    try {
      const { port } = registry.address() as AddressInfo;
      const env = { ...process.env, npm_config_registry: `http://127.0.0.1:${port}/`, npm_config_cache: tmpFolder() };
      const audit = new OwnedProcess(process.execPath, [fileURLToPath(new URL('../tools/audit.mjs', import.meta.url))], { env });
      const { code } = await audit.waitForExit(100_000);
      return { code, stdout: audit.stdout };
    } finally {
      registry.close();
    }
  }
  /** npm looks whether another version would be better. */
  function packageAt(path: string): unknown {
    const name = path.slice(1);
    const { version } = JSON.parse(readFileSync(new URL(`../node_modules/${name}/package.json`, import.meta.url), 'utf8')) as {
      version: string;
    };
    return { name, 'dist-tags': { latest: version }, versions: { [version]: { name, version } } };
  }
  const weakness = (severity: string) => [
    {
      id: 1,
      url: 'https://example.org/1',
      title: 'it lets anybody in',
      severity,
      vulnerable_versions: '*',
      cwe: [],
      cvss: { score: 0, vectorString: null },
    },
  ];

  it('fails for anything in a package that users get, and for what is severe in the others', async () => {
    expect(await auditAgainst(200, { ioredis: weakness('low') })).toEqual({ code: 1, stdout: 'audit: low: ioredis: it lets anybody in\n' });
    expect(await auditAgainst(200, { knip: weakness('critical') })).toEqual({
      code: 1,
      stdout: 'audit: critical: knip: it lets anybody in\n',
    });
    expect(await auditAgainst(200, { knip: weakness('moderate') })).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('nothing known') as string,
    });
  });

  it('says so, and fails nothing, where the registry does not answer', async () => {
    const { code, stdout } = await auditAgainst(405, {});
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^audit: not done, for the registry does not answer it: 405/)]);
  });
});
