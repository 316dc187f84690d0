/** What a command loads, which decides how long it takes to start. How long that is, bench/ measures. */
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { projectRoot, runCtq } from '../support/ctq-process.js';
import { OwnedProcess } from '../support/owned-process.js';
import { tmpFolder } from '../support/tmp.js';

/** The files that a command read as code, by V8's own account. */
async function filesLoadedBy(argv: readonly string[], cwd = tmpFolder()): Promise<string[]> {
  const folder = tmpFolder();
  const { code, stderr } = await runCtq(argv, { cwd, env: { NODE_V8_COVERAGE: folder } });
  expect([code, stderr]).toEqual([0, '']);
  const urls = readdirSync(folder).flatMap((name) => {
    const { result } = JSON.parse(readFileSync(join(folder, name), 'utf8')) as { result: { url: string }[] };
    return result.map(({ url }) => url);
  });
  return [...new Set(urls)]
    .filter((url) => url.startsWith('file://'))
    .map((url) => url.slice(`file://${projectRoot}`.length).replace(/^\//, ''));
}

describe('ctq send', () => {
  it('loads the command line and nothing else: no worker, no app, nothing for a screen', async () => {
    expect(await filesLoadedBy(['send', 'tasks.add', '3', '4', '-b', 'memory://'])).toEqual(['bin/ctq.js', 'dist/cli/main.cjs']);
  });

  it('does not touch the app’s module, unless -A asks for its broker and routes', async () => {
    const cwd = tmpFolder({
      'tasks.mjs': "import { writeFileSync } from 'node:fs'; writeFileSync('loaded', ''); export const f = () => 1;",
    });
    const send = (...more: readonly string[]) =>
      runCtq(['send', 'tasks.f', '-b', 'memory://', ...more], { cwd, env: { CTQ_APP: 'tasks' } });
    expect([(await send()).code, existsSync(join(cwd, 'loaded'))]).toEqual([0, false]);
    expect([(await send('-A', 'tasks')).code, existsSync(join(cwd, 'loaded'))]).toEqual([0, true]);
  });

  it('reads a config file in JavaScript without waking the app', async () => {
    const cwd = tmpFolder({
      'ctq.config.mjs': "export default { brokerUrl: 'memory://', app: 'tasks' };",
      'tasks.mjs': 'throw new Error();',
    });
    const files = await filesLoadedBy(['send', 'tasks.add'], cwd);
    expect(files).toContain('dist/app-loader.js');
    expect(files.filter((file) => /worker/.test(file))).toEqual([]);
  });
});

describe('ctq --version', () => {
  it('is answered before anything is imported', async () => {
    expect(await filesLoadedBy(['--version'])).toEqual(['bin/ctq.js']);
  });

  it('works, and everything else says what is missing, where nothing was built', async () => {
    const root = tmpFolder();
    mkdirSync(join(root, 'bin'));
    for (const file of ['ctq.js', 'package.json']) copyFileSync(join(projectRoot, 'bin', file), join(root, 'bin', file));
    copyFileSync(join(projectRoot, 'package.json'), join(root, 'package.json'));
    const version = new OwnedProcess(process.execPath, [join(root, 'bin', 'ctq.js'), '--version']);
    expect((await version.waitForExit()).code).toBe(0);
    expect(version.stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    const send = new OwnedProcess(process.execPath, [join(root, 'bin', 'ctq.js'), 'send', 'x']);
    expect((await send.waitForExit()).code).toBe(70);
    expect(send.stderr).toMatch(/^ctq: dist\/ is missing \(.*\)\n$/);
  });
});

describe('ctq --help', () => {
  it('needs the same one file', async () => {
    expect(await filesLoadedBy(['--help'])).toEqual(['bin/ctq.js', 'dist/cli/main.cjs']);
  });
});
