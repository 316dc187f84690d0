/** The package as a user gets it: packed, installed into an empty folder, and used from there. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, delimiter, dirname, join } from 'node:path';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { beforeAll, describe, expect, it } from 'vitest';
import { projectRoot, washedEnvironment } from '../support/ctq-process.js';
import { fencesOf, readPage, relativeLinks } from '../support/markdown.js';
import { OwnedProcess } from '../support/owned-process.js';
import { buildElsewhere, installTarball, nodeBuild, npm, packTarball, type Tarball } from '../support/packed.js';
import { followPage } from '../support/printed-page.js';
import { describeWith, testUnless } from '../support/requires.js';
import { tmpFolder, writeFiles } from '../support/tmp.js';

/** A tenth more than it is: what makes it larger should be somebody's decision. */
const LARGEST_PACKED_KB = 1_450;
const LARGEST_UNPACKED_KB = 5_500;
/** Everything that a default install brings along, in megabytes. */
const LARGEST_INSTALL_MB = 65;

let tarball: Tarball;
let project: string;

beforeAll(() => {
  tarball = packTarball();
  project = installTarball(tarball);
}, 240_000);

describe('the tarball', () => {
  it('is small', () => {
    const packed = Math.round(tarball.packedBytes / 1000);
    const unpacked = Math.round(tarball.unpackedBytes / 1000);
    process.stdout.write(`ctq.tgz: ${packed} kB packed, ${unpacked} kB unpacked, ${tarball.paths.length} files\n`);
    expect(packed).toBeLessThan(LARGEST_PACKED_KB);
    expect(unpacked).toBeLessThan(LARGEST_UNPACKED_KB);
    const [, told] = /makes the package, (\d\.\d) MB/.exec(readPage('README.md')) ?? [];
    expect(Math.abs(Number(told) * 1000 - packed)).toBeLessThanOrEqual(100);
  });

  it('holds no source map, no leftover of a build and nothing of the workshop', () => {
    expect(
      tarball.paths.filter((path) =>
        /\.map$|\.cache$|\.build\.json$|^(?:src|test|tools|bench\/(?!results\/[\w-]+\.svg$)|node_modules|\.ci)\//.test(path),
      ),
    ).toEqual([]);
    expect(tarball.paths).toEqual(expect.arrayContaining(['dist/index.d.ts', 'dist/testing.d.ts', 'dist/testing.js', 'man/ctq.1']));
  });

  describe('and its pages', () => {
    const pages = (): string[] => tarball.paths.filter((path) => path.endsWith('.md'));
    const text = (path: string): string => readFileSync(join(project, 'node_modules', 'ctq', path), 'utf8');
    const isThere = (path: string): boolean => tarball.paths.some((one) => one === path || one.startsWith(path.replace(/\/?$/, '/')));

    it('lead to pages and pictures that came along; only those for readers of the sources lead into a clone', () => {
      const broken = pages().flatMap((page) => {
        const wrong = relativeLinks(page, text(page)).filter(({ file }) => !isThere(file));
        return wrong.map(({ link, file }) => ({ page, link, inClone: /^(?:src|test|tools|bench)\//.test(file) }));
      });
      expect(broken.filter(({ page, inClone }) => !inClone || page === 'README.md')).toEqual([]);
      expect(text('docs/README.md')).toContain('`src/`, `test/` and `bench/`');
      expect(relativeLinks('README.md', text('README.md')).length).toBeGreaterThan(25);
    });

    it('are those that the program and its manual name', () => {
      const named = tarball.paths
        .filter((path) => /^(?:dist|bin|man|completions)\//.test(path))
        .flatMap((path) => [...text(path).matchAll(/\bdocs\/[\w/-]+\.\w+/g)].map(([name]) => ({ path, name })));
      expect(named.length).toBeGreaterThan(2);
      expect(named.filter(({ name }) => !isThere(name))).toEqual([]);
    });
  });

  it('is the same to the byte when it is built again elsewhere', () => {
    const [packed, again] = [join(project, 'node_modules', 'ctq'), buildElsewhere()];
    const differ = tarball.paths.filter((path) => !readFileSync(join(packed, path)).equals(readFileSync(join(again, path))));
    expect(differ).toEqual([]);
  }, 120_000);

  it('is what publint wants', async () => {
    const data = readFileSync(tarball.file);
    const { messages, pkg } = await publint({
      pack: { tarball: data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength) },
      strict: true,
    });
    expect(messages.map((message) => formatMessage(message, pkg, { color: false }))).toEqual([]);
  });

  it('has types that are right in every resolution of today', async () => {
    const { problems = [], ...checked } = (await checkPackage(createPackageFromTarballData(readFileSync(tarball.file)))) as {
      problems?: { kind: string; resolutionKind?: string; entrypoint?: string }[];
      types: unknown;
    };
    expect(checked.types).toMatchObject({ kind: 'included' });
    // node10 knows no "exports"; and a require() of ES modules works in every Node that ctq supports.
    const accepted = ({ kind, resolutionKind }: (typeof problems)[number]): boolean =>
      resolutionKind === 'node10' || (kind === 'CJSResolvesToESM' && resolutionKind === 'node16-cjs');
    expect(problems.filter((problem) => !accepted(problem))).toEqual([]);
  });
});

describe('an install of it', () => {
  it('compiles nothing, and is not large', () => {
    const sizes = execFileSync('du', ['-sk', 'node_modules'], { cwd: project, encoding: 'utf8' });
    const megabytes = Math.round(Number(sizes.split('\t')[0]) / 1024);
    process.stdout.write(`npm install ctq: ${readdirSync(join(project, 'node_modules')).length} folders, ${megabytes} MB\n`);
    expect(megabytes).toBeLessThan(LARGEST_INSTALL_MB);
  });

  it('answers npx ctq', () => {
    const { version } = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as { version: string };
    const said = execFileSync('npx', ['--no-install', 'ctq', '--version'], { cwd: project, encoding: 'utf8', env: washedEnvironment() });
    expect(said.trim()).toBe(version);
    expect(existsSync(join(project, 'node_modules', 'ctq', 'man', 'ctq.1'))).toBe(true);
  });
});

describeWith('python', 'the tutorial, in an empty folder', () => {
  it('installs, runs a task and a schedule, and shows them in top, as the page says', async () => {
    const page = readPage('docs/tutorial.md');
    const { file } = tarball;
    const home = tmpFolder();
    // Where `npm pack` in the clone has left it.
    mkdirSync(join(home, 'ctq'));
    copyFileSync(file, join(home, 'ctq', basename(file)));
    const [install] = fencesOf(page).filter(({ language }) => language === 'sh');
    const lines = (install?.text ?? '').split('\n').filter((line) => line !== '' && !line.startsWith('git clone'));
    expect(lines).toHaveLength(2);
    const typed = ['set -e', ...lines].join('\n');
    execFileSync('sh', ['-c', typed], {
      cwd: home,
      env: { ...outsideNpm(), npm_config_loglevel: 'error' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const project = join(home, 'shop');
    expect(readdirSync(project).toSorted()).toEqual(['node_modules', 'package-lock.json', 'package.json']);
    expect(readdirSync(home).toSorted()).toEqual(['ctq', 'shop']);
    // What the page types is `npx ctq`.
    const said = execFileSync('npx', ['--no-install', 'ctq', '--version'], { cwd: project, encoding: 'utf8', env: washedEnvironment() });
    expect(said).toMatch(/^\d+\.\d+\.\d+\n$/);
    const { told, printed } = await followPage(page, project);
    expect(printed).toEqual(told);
    expect(printed.length).toBeGreaterThan(12);
  }, 180_000);
});

/** Without what a surrounding `npm test` tells npm. */
function outsideNpm(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(washedEnvironment()).filter(([name]) => !/^npm_(?:lifecycle_|package_|config_local)/.test(name)),
  );
}

describe('its types, in a project that checks libraries, too', () => {
  const require = createRequire(import.meta.url);
  const own = join(require.resolve('typescript/package.json'), '..', 'bin', 'tsc');
  const old = join(createRequire(require.resolve('@arethetypeswrong/core')).resolve('typescript/package.json'), '..', 'bin', 'tsc');
  const typed = [
    "import { chain, Ctq, crontab, type SentTask, TaskError } from 'ctq';",
    "import { testKit } from 'ctq/testing';",
    "export const app = new Ctq('typed', { brokerUrl: 'memory://' });",
    "export const add = app.task('typed.add', (x: number, y: number) => x + y);",
    'export const sent: SentTask<number> = add.delay(1, 2);',
    'export const both = chain(add.s(1, 2), add.s(3));',
    'app.addPeriodicTask(crontab({ hour: 3 }), add.s(1, 2));',
    'export const kit = testKit(app);',
    'export const isOurs = (error: unknown): boolean => error instanceof TaskError;',
    '// @ts-expect-error -- a text is no number',
    "add.delay('1', 2);",
  ].join('\n');

  it.each([
    ['node16', { module: 'node16', moduleResolution: 'node16' }, 'old'],
    ['nodenext', { module: 'nodenext', moduleResolution: 'nodenext' }, 'new'],
    ['bundler', { module: 'esnext', moduleResolution: 'bundler' }, 'new'],
  ] as const)(
    'hold with %s (%o, %s compiler)',
    (_name, module, compiler) => {
      const folder = tmpFolder({ 'package.json': '{"type":"module","private":true}', 'use.ts': typed });
      // The compiler of 2024 lets no CommonJS module require() this package; those of today do.
      if (module.module === 'nodenext') writeFiles(folder, { 'use.cts': typed });
      const node_modules = join(project, 'node_modules');
      symlinkSync(node_modules, join(folder, 'node_modules'), 'junction');
      if (!existsSync(join(node_modules, '@types')))
        symlinkSync(join(projectRoot, 'node_modules', '@types'), join(node_modules, '@types'), 'junction');
      if (!existsSync(join(node_modules, 'undici-types')))
        symlinkSync(join(projectRoot, 'node_modules', 'undici-types'), join(node_modules, 'undici-types'), 'junction');
      const compilerOptions = {
        ...module,
        target: 'es2022',
        strict: true,
        noEmit: true,
        skipLibCheck: false,
        types: ['node'],
        exactOptionalPropertyTypes: true,
      };
      writeFiles(folder, { 'tsconfig.json': JSON.stringify({ compilerOptions, include: ['use.*'] }) });
      const run = new OwnedProcess(process.execPath, [compiler === 'new' ? own : old, '-p', folder], {
        cwd: folder,
        env: washedEnvironment(),
      });
      return run.waitForExit(120_000).then(({ code }) => expect([code, run.stdout]).toEqual([0, '']));
    },
    150_000,
  );
});

const NEST_MAILER = `
import { Injectable } from '@nestjs/common';

@Injectable()
export class Mailer {
  async send(address: string, text: string): Promise<string> {
    return address + ' got ' + text;
  }
}
`;
const NEST_APP = `
import { Module } from '@nestjs/common';
import { Mailer } from './mailer.js';
import { TasksModule } from './tasks.module.js';

@Module({ imports: [TasksModule], providers: [Mailer] })
export class AppModule {}
`;
const NEST_MAIN = `
import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';
import { MailService } from './tasks.module.js';

const app = await NestFactory.createApplicationContext(AppModule, { logger: false });
app.enableShutdownHooks();
console.log(await app.get(MailService).welcome('ada@example.org'));
await app.close();
`;
const NEST_OPTIONS = {
  ...{ module: 'nodenext', target: 'es2022', strict: true, outDir: 'dist', rootDir: 'src', skipLibCheck: true, types: ['node'] },
  ...{ experimentalDecorators: true, emitDecoratorMetadata: true },
};

it('the recipe for NestJS sends from a provider, and its task uses one', async ({ skip }) => {
  const [module = '', tasks = ''] = fencesOf(readPage('docs/guides/nestjs.md'))
    .filter(({ language }) => language === 'ts')
    .map(({ text }) => text);
  const cwd = tmpFolder({
    'package.json': '{"name":"nest","private":true,"type":"module"}',
    'tsconfig.json': JSON.stringify({ compilerOptions: NEST_OPTIONS, include: ['src'] }),
    ...{
      'src/tasks.module.ts': module,
      'src/tasks.ts': tasks,
      'src/mailer.ts': NEST_MAILER,
      'src/app.module.ts': NEST_APP,
      'src/main.ts': NEST_MAIN,
    },
  });
  const packages = ['@nestjs/core@11', '@nestjs/common@11', 'reflect-metadata', 'rxjs'];
  try {
    npm(['install', ...packages, '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'], cwd);
  } catch (error) {
    if (process.env['CI'] !== undefined) throw error;
    skip(`npm cannot give NestJS: ${String((error as { stderr?: unknown }).stderr ?? error).slice(0, 300)}`);
  }
  for (const name of ['ctq', '@types', 'undici-types'])
    symlinkSync(join(name === 'ctq' ? project : projectRoot, 'node_modules', name), join(cwd, 'node_modules', name), 'junction');
  const typescript = createRequire(import.meta.url).resolve('typescript/package.json');
  execFileSync(process.execPath, [join(typescript, '..', 'bin', 'tsc')], { cwd, encoding: 'utf8' });

  const ctq = (...argv: string[]): OwnedProcess =>
    new OwnedProcess(process.execPath, [join(cwd, 'node_modules', 'ctq', 'bin', 'ctq.js'), ...argv], { cwd, env: washedEnvironment() });
  for (const pool of ['async', 'prefork']) {
    const worker = ctq('worker', '-A', 'dist.tasks', '-P', pool, '-c', '1', '-l', 'info');
    await worker.waitForOutput(/ready\./);
    const web = new OwnedProcess(process.execPath, ['dist/main.js'], { cwd, env: washedEnvironment() });
    expect([await web.waitForExit(), web.stderr]).toEqual([{ code: 0, signal: null }, '']);
    const result = ctq('result', '--wait', '--timeout', '20', web.stdout.trim());
    const { code } = await result.waitForExit();
    expect([pool, code, result.stdout]).toEqual([pool, 0, 'ada@example.org got Welcome!\n']);
    await worker.stop();
  }
}, 180_000);

const SMOKE_MJS = `
import { createRequire } from 'node:module';
import { Ctq, TaskError } from 'ctq';
import { runTask, testKit } from 'ctq/testing';
const required = createRequire(import.meta.url)('ctq');
if (required.Ctq !== Ctq || required.TaskError !== TaskError) throw new Error('require() gives another copy');
const app = new Ctq('smoke');
const add = app.task('smoke.add', (x, y) => x + y);
const run = await runTask(add, [1, 2]);
const kit = await testKit(app);
const value = await (await add.delay(run.result, 4)).get({ timeout: 10 });
await kit.close();
console.log('esm', run.state, value);
`;
const SMOKE_CJS = `
const { Ctq } = require('ctq');
const { testKit } = require('ctq/testing');
const app = new Ctq('smoke');
const add = app.task('smoke.add', (x, y) => x + y);
testKit(app).then(async (kit) => {
  console.log('cjs', await (await add.delay(3, 4)).get({ timeout: 10 }));
  await kit.close();
});
`;
const TASKS_TS = `
import { Ctq } from 'ctq';
export const app = new Ctq('tasks');
export const add = app.task('tasks.add', (x: number, y: number): number => x + y);
export const where = app.task('tasks.where', (): string => process.version);
`;

/** The oldest that package.json allows, and the newest of each line. */
const NODE_VERSIONS = ['20.19.0', '22', '24', '26'];

describe.concurrent('the installed package', () => {
  for (const wanted of NODE_VERSIONS) {
    const build = nodeBuild(wanted);
    const why = 'missing' in build ? `npm gives no Node ${wanted}: ${build.missing}` : undefined;
    const title = `works under Node ${wanted}: import, require, npx, embedded broker, prefork`;
    const body = async (): Promise<void> => {
      // In CI a promise that is not looked at is not kept.
      if ('missing' in build) expect.fail(why);
      const { program, version } = build;
      const cwd = tmpFolder({ 'smoke.mjs': SMOKE_MJS, 'smoke.cjs': SMOKE_CJS, 'tasks.ts': TASKS_TS });
      symlinkSync(join(project, 'node_modules'), join(cwd, 'node_modules'), 'junction');
      const ctq = join(cwd, 'node_modules', 'ctq', 'bin', 'ctq.js');
      const start = (args: readonly string[]): OwnedProcess => new OwnedProcess(program, args, { cwd, env: washedEnvironment() });
      const run = async (...args: readonly string[]): Promise<{ code: number | null; said: string }> => {
        const started = start(args);
        const { code } = await started.waitForExit(60_000);
        return {
          code,
          said: `${started.stdout}${started.stderr}`.replace(/^\(node:\d+\) ExperimentalWarning:.*\n(?:\(Use .*\n)?/gm, ''),
        };
      };
      expect(await run('smoke.mjs')).toEqual({ code: 0, said: 'esm SUCCESS 7\n' });
      expect(await run('smoke.cjs')).toEqual({ code: 0, said: 'cjs 7\n' });
      // npx itself, too, is run by the Node that stands first on the path.
      const PATH = [dirname(program), process.env['PATH']].join(delimiter);
      const npx = new OwnedProcess('npx', ['--no-install', 'ctq', '--version'], { cwd, env: washedEnvironment({ PATH }) });
      expect([(await npx.waitForExit(60_000)).code, npx.stdout]).toEqual([0, expect.stringMatching(/^\d+\.\d+\.\d+/)]);
      for (const pool of ['async', 'prefork']) {
        const worker = start([ctq, 'worker', '-A', 'tasks', '-P', pool, '-c', '1', '-l', 'info']);
        await worker.waitForOutput(/ready\./, 60_000);
        expect(await run(ctq, 'send', 'tasks.add', '2', '3', '--wait', '--timeout', '20')).toEqual({ code: 0, said: '5\n' });
        expect(await run(ctq, 'send', 'tasks.where', '--wait', '--timeout', '20')).toEqual({ code: 0, said: `${version}\n` });
        const ending = await worker.stop();
        expect(ending.code).toBe(0);
      }
    };
    testUnless(process.env['CI'] === undefined ? why : undefined, title, body, { timeout: 240_000 });
  }
}, 240_000);
