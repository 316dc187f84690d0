/** Code of the pages that no other test runs, in the order of the page: what a reader types works. */
import { mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { transform } from 'esbuild';
import { beforeAll, expect, it } from 'vitest';
import { projectRoot, runCtq, startCtq, washedEnvironment } from '../support/ctq-process.js';
import { forSuite } from '../support/for-suite.js';
import { type Fence, fencesOf, markdownFiles, readPage, shellWords } from '../support/markdown.js';
import { OwnedProcess } from '../support/owned-process.js';
import { PageShell } from '../support/page-shell.js';
import { findDjangoPython } from '../support/python-celery.js';
import { freePort, startRedis } from '../support/redis-server.js';
import { describeWith } from '../support/requires.js';
import { makeSigner } from '../support/signers.js';
import { tmpFolder, writeFiles } from '../support/tmp.js';

/** Pages whose code is run by a test of their own. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  'CONTRIBUTING.md': 'test/docs/contributing.test.ts',
  'README.md': 'test/docs/readme.test.ts',
  'docs/tutorial.md': 'test/docs/printed.test.ts',
  'docs/troubleshooting.md': 'test/docs/printed.test.ts',
  'docs/guides/configuration.md': 'test/docs/printed.test.ts',
  'docs/migration.md': 'test/docs/migration.test.ts',
  'docs/guides/nestjs.md': 'test/package/tarball.test.ts',
  'examples/express/README.md': 'test/examples.test.ts',
  'examples/fastify/README.md': 'test/examples.test.ts',
  'examples/flask/README.md': 'test/examples.test.ts',
};
/** The whole blocks that no test runs, by page; each says why above itself. */
const NOT_RUN: readonly string[] = [
  ...['CONTRIBUTING.md', 'CONTRIBUTING.md', 'README.md', 'docs/health.md', 'docs/health.md', 'docs/metrics.md', 'docs/metrics.md'],
  ...['docs/performance.md', 'docs/pools.md', 'docs/reliability.md', 'docs/security.md'],
];
const CODE = /^(?:sh|console|ts|js|python|sql|redis|yaml|dockerfile|)$/;
const ID = '57cb3c6b-2ca6-471b-b17f-ba3d9a43a368';

const pages = markdownFiles()
  .filter((path) => !path.startsWith('docs/reference/'))
  .map((path) => ({ path, fences: fencesOf(readPage(path)) }));
const wholly = ({ notRun }: Fence): boolean => notRun.some(({ lines }) => lines.length === 0);
const runs = ({ language, keysOf, ...fence }: Fence): boolean =>
  keysOf !== undefined || (CODE.test(language) && !wholly({ language, keysOf, ...fence }));
const here = pages.filter(({ path, fences }) => !(path in ELSEWHERE) && fences.some(runs));

it('what cannot be run says why, and is little', () => {
  const left = pages.flatMap(({ path, fences }) => fences.flatMap(({ notRun }) => notRun.map((one) => ({ path, ...one }))));
  expect(left.filter(({ reason }) => reason.length < 15)).toEqual([]);
  expect(left.filter(({ lines }) => lines.length === 0).map(({ path }) => path)).toEqual(NOT_RUN);
  // A comment that stands above no block says nothing.
  const comments = pages.flatMap(({ path }) => [...readPage(path).matchAll(/^<!-- (?:not run|keys of)/gm)]);
  expect(comments).toHaveLength(left.length + pages.flatMap(({ fences }) => fences).filter(({ keysOf }) => keysOf !== undefined).length);
});

const TASKS = `
import { Ctq } from 'ctq';
export const app = new Ctq('tasks');
export const add = app.task('tasks.add', (x: number, y: number) => x + y);
export const fail = app.task('mail.send', (to: string): string => {
  throw new TypeError(to + ' is no address');
});
`;

describeWith(['redis', 'openssl', 'django'], 'the code of', () => {
  const redis = forSuite(startRedis);
  let cwd: string;
  let local: Record<string, string>;
  let shell: PageShell;

  beforeAll(async () => {
    cwd = tmpFolder({
      'tasks.ts': TASKS,
      'package.json': '{"type":"module"}',
      'given.mjs': readFileSync(join(projectRoot, 'test/docs/given.txt'), 'utf8'),
    });
    mkdirSync(join(cwd, 'run'));
    mkdirSync(join(cwd, 'node_modules'));
    for (const name of ['@opentelemetry', 'ctq'])
      symlinkSync(name === 'ctq' ? projectRoot : join(projectRoot, 'node_modules', name), join(cwd, 'node_modules', name), 'junction');
    const signer = makeSigner(cwd, 'worker');
    const ports = await Promise.all([8080, 8081, 9808, 9809].map(async (port) => [String(port), String(await freePort())] as const));
    local = {
      ...Object.fromEntries(ports),
      ...{ 'redis://old': redis().urlOf(3), 'redis://new': redis().urlOf(4), 'redis://prod': redis().url, 'redis://…': redis().url },
      ...{ 'redis://localhost': redis().url, 'sqlite:///srv': `sqlite://${cwd}` },
      '/etc/ssl/private/worker.key': signer.key,
      '/etc/ssl/certs/worker.pem': signer.cert,
      '/etc/ssl/certs/workers/*.pem': join(cwd, '*.pem'),
    };
    const programs = { 'redis-cli': ['redis-cli', '-e', '-u', redis().url] };
    shell = new PageShell({ cwd, env: { CTQ_BROKER_URL: redis().url }, here: local, programs, codes: { 'ctq doctor': 1 } });
  });
  for (const { path, fences } of here)
    it(path, async () => {
      await redis().command('FLUSHALL');
      const given = await GIVEN[path]?.(cwd, { CTQ_BROKER_URL: redis().url });
      for (const [index, fence] of fences.filter(runs).entries()) await run(fence, index);
      await AFTER[path]?.(cwd, { CTQ_BROKER_URL: redis().url });
      if (given instanceof OwnedProcess) await given.stop();
    }, 120_000);

  async function run(fence: Fence, index: number): Promise<void> {
    const { language, mark, keysOf } = fence;
    const text = Object.entries(local).reduce((all, [there, one]) => all.replaceAll(there, one), fence.text);
    if (keysOf !== undefined) await compareKeys(fence.text, keysOf);
    else if (/\.\w+$/.test(mark)) writeFiles(cwd, { [mark]: text });
    else if (language === 'sh') await shell.run(fence);
    else if (language === 'redis') await redis().command(...shellWords(text.replaceAll(/\n\s+/g, ' ').replaceAll(/([>&~]\S+)/g, "'$1'")));
    else if (language === 'sql') await runProgram(`sql-${index}`, sqlProgram(text));
    else if (language === 'ts' || language === 'js') await runProgram(`block-${index}`, await moduleOf(text));
    else throw new Error(`nothing here runs ${language || 'a block without a language'} (line ${fence.line})`);
  }

  async function compareKeys(text: string, command: string): Promise<void> {
    const { stdout } = await runCtq(shellWords(command).slice(1), { cwd, env: { CTQ_BROKER_URL: redis().url } });
    expect([command, ...differences(JSON.parse(text), JSON.parse(stdout))]).toEqual([command]);
  }

  async function runProgram(name: string, text: string): Promise<void> {
    writeFiles(cwd, { [`${name}.mjs`]: text });
    const program = new OwnedProcess(process.execPath, [`${name}.mjs`], { cwd, env: washedEnvironment() });
    const { code } = await program.waitForExit();
    expect([text, code, program.stderr]).toEqual([text, 0, '']);
  }
});

/** What a page takes for granted; a worker that comes out of it is stopped in the end. */
const GIVEN: Readonly<Record<string, (cwd: string, env: Readonly<Record<string, string>>) => Promise<unknown>>> = {
  'docs/failed-tasks.md': async (cwd, env) => {
    const worker = await startWorker(cwd, env);
    await runCtq(['send', 'mail.send', 'nobody', '--task-id', ID, '--wait'], { cwd, env });
    return worker;
  },
  'docs/guides/deployment.md': startWorker,
  'docs/doctor.md': (cwd, env) => runCtq(['send', 'tasks.add', '1', '2', '-Q', 'nobody'], { cwd, env }),
  'docs/keys.md': (cwd, env) => runCtq(['send', 'tasks.add', '4', '5', '--task-id', ID], { cwd, env }),
  'docs/wire/sqlite.md': (cwd) => runCtq(['send', 'tasks.add', '1', '2'], { cwd }),
};

/** What is there when its code has run. */
const AFTER: typeof GIVEN = {
  'docs/guides/django.md': async (cwd, env) => {
    const worker = await startWorker(cwd, env, '-A', 'images', '-Q', 'node');
    const client = new OwnedProcess(findDjangoPython() ?? '', ['-c', DJANGO_CLIENT], { cwd, env: { ...process.env, PYTHONPATH: cwd } });
    await client.waitForExit(60_000);
    expect([client.stdout, client.stderr]).toEqual(["202 {'state': 'SUCCESS', 'value': '/srv/cat.png, 300 wide'}\n", '']);
    await worker.stop();
  },
};

const DJANGO_CLIENT = `
import time, django
import proj.celery
django.setup()
from django.test import Client
client = Client()
sent = client.post("/upload", {"path": "/srv/cat.png"})
for _ in range(400):
    outcome = client.get("/outcome/" + sent.json()["id"]).json()
    if outcome["state"] == "SUCCESS": break
    time.sleep(0.1)
print(sent.status_code, outcome)
`;

async function startWorker(cwd: string, env: Readonly<Record<string, string>>, ...argv: readonly string[]): Promise<OwnedProcess> {
  const worker = startCtq(['worker', '-l', 'info', ...(argv.length > 0 ? argv : ['-A', 'tasks'])], { cwd, env });
  await worker.waitForOutput(/ready\./);
  return worker;
}

/** What it says about itself is checked: `const run = …;` and `// { state: 'SUCCESS', … }` below it. */
async function moduleOf(text: string): Promise<string> {
  const told = text.replaceAll(/^(const (\w+) = .*;)\n\/\/ (\{.*\})$/gm, (_all, line: string, name: string, value: string) => {
    const literal = value.replaceAll(/…/g, "'…'");
    return `${line}\ntold(${name}, ${literal});`;
  });
  const { code } = await transform(told, { loader: 'ts', format: 'esm' });
  return `import './given.mjs';\n${code}`;
}

function sqlProgram(text: string): string {
  return `
    import { createRequire } from 'node:module';
    const { DatabaseSync } = createRequire(${JSON.stringify(join(projectRoot, 'package.json'))})('@photostructure/sqlite');
    const db = new DatabaseSync('.ctq/ctq.db');
    const rows = ${JSON.stringify(text)}.split('\\n').filter((line) => line !== '').map((line) => db.prepare(line).all());
    if (rows[0].length !== 1) throw new Error(JSON.stringify(rows));
  `;
}

/** Names that one of the two documents has alone; of lists the first elements are compared, and what is null may be anything. */
function differences(page: unknown, real: unknown, at = ''): string[] {
  if (Array.isArray(real) && !Array.isArray(page)) return differences(page, real[0], at);
  if (Array.isArray(page) && Array.isArray(real)) return differences(page[0], real[0], `${at}[0]`);
  if (!isObject(page) || !isObject(real)) return [];
  const names = new Set([...Object.keys(page), ...Object.keys(real)]);
  return [...names].flatMap((name) =>
    name in page && name in real
      ? differences(page[name], real[name], `${at}.${name}`)
      : [`${at}.${name} is only ${name in page ? 'on the page' : 'in what is printed'}`],
  );
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
