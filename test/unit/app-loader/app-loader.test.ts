import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { type LoadedApp, type LoadAppOptions, loadApp, reopenApp } from '../../../src/app-loader.js';
import { ConfigError } from '../../../src/errors.js';
import { tmpFolder } from '../../support/tmp.js';

/** What the modules under test tell about themselves. */
const told: Record<string, unknown> = {};
(globalThis as Record<string, unknown>)['__ctqTestTold'] = told;
afterAll(() => Reflect.deleteProperty(globalThis, '__ctqTestTold'));
const tell = 'const tell = (key, value) => { globalThis.__ctqTestTold[key] = value; };';
const tellTs = `declare const __ctqTestTold: Record<string, unknown>;
  const tell = (key: string, value: unknown): void => { __ctqTestTold[key] = value; };`;

const loaded: LoadedApp[] = [];
afterEach(() => loaded.splice(0).forEach(({ loader }) => loader.close()));

async function load(files: Readonly<Record<string, string>>, spec = 'tasks', options: Partial<LoadAppOptions> = {}): Promise<LoadedApp> {
  const one = await loadApp(spec, { workdir: tmpFolder(files), ...options });
  loaded.push(one);
  return one;
}

async function complaint(files: Readonly<Record<string, string>>, spec = 'tasks', options: Partial<LoadAppOptions> = {}): Promise<string> {
  const error = await load(files, spec, options).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(ConfigError);
  const { message, hint } = error as ConfigError;
  expect(message).not.toContain('\n');
  return `${message} (${hint})`;
}

const app = "import { Ctq } from 'ctq';\nexport const app = new Ctq('tasks');\n";

describe('a TypeScript module runs as it is', () => {
  const module = '{"type": "module"}';

  it('with enums, namespaces and parameter properties', async () => {
    await load({
      'package.json': module,
      'tasks.ts': `${app}${tellTs}
        enum Kind { A = 'a' }
        namespace Space { export const x = 5; }
        class Point { constructor(readonly x: number) {} }
        tell('syntax', [Kind.A, Space.x, new Point(3).x]);`,
    });
    expect(told['syntax']).toEqual(['a', 5, 3]);
  });

  it('with .js specifiers that mean .ts, specifiers without extension, and the paths of tsconfig', async () => {
    await load({
      'package.json': module,
      'tsconfig.json': '{"compilerOptions": {"paths": {"@lib/*": ["./lib/*"]}}}',
      'lib/helper.ts': 'export const helper = { made: 1 };',
      'tasks.ts': `${app}${tellTs}
        import { helper as a } from './lib/helper.js';
        import { helper as b } from './lib/helper';
        import { helper as c } from '@lib/helper.js';
        tell('same', a === b && b === c);`,
    });
    expect(told['same']).toBe(true);
  });

  it('with decorators, new and old', async () => {
    const twice = 'function twice(f: any): any { return function (this: any, n: number) { return f.call(this, n) * 2; }; }';
    await load({
      'package.json': module,
      'tasks.ts': `${app}${tellTs}${twice} class T { @twice run(n: number) { return n; } } tell('new', new T().run(4));`,
    });
    const old = 'function old(_t: any, _k: string, d: any): any { const f = d.value; d.value = () => "old " + f(); return d; }';
    await load({
      'package.json': module,
      'tsconfig.json': '{"compilerOptions": {"experimentalDecorators": true}}',
      'tasks.ts': `${app}${tellTs}${old} class T { @old run() { return 'run'; } } tell('old', new T().run());`,
    });
    expect([told['new'], told['old']]).toEqual([8, 'old run']);
  });

  it('with top-level await, dynamic import, import.meta.url and data beside it', async () => {
    const { module: found } = await load({
      'package.json': module,
      'data.json': '{"a": 1}',
      'lazy.ts': 'export const lazy: string = "late";',
      'tasks.ts': `${app}${tellTs}
        import data from './data.json' with { type: 'json' };
        import { readFileSync } from 'node:fs';
        const { lazy } = await import('./lazy.js');
        tell('place', { lazy, data, url: import.meta.url, text: readFileSync(new URL('./data.json', import.meta.url), 'utf8') });`,
    });
    expect(told['place']).toEqual({ lazy: 'late', data: { a: 1 }, url: `file://${found.file}`, text: '{"a": 1}' });
  });

  it('when it declares __dirname and require itself, as ES modules must', async () => {
    const { module: found } = await load({
      'package.json': module,
      'tasks.ts': `${app}${tellTs}
        import { createRequire } from 'node:module';
        import { dirname } from 'node:path';
        import { fileURLToPath } from 'node:url';
        const __dirname = dirname(fileURLToPath(import.meta.url));
        const require = createRequire(import.meta.url);
        tell('own', [__dirname, typeof require('node:fs').readFileSync]);`,
    });
    expect(told['own']).toEqual([join(found.file, '..'), 'function']);
  });

  it('with .cts files and import = require', async () => {
    await load({
      'package.json': module,
      'old.cts': 'import path = require("node:path");\nexport const joined = path.join("a", "b");\nexport const file = __filename;',
      'equals.cts': 'export = { one: 1, two() { return 2; } };',
      'tasks.ts': `${app}${tellTs}
        import { joined, file } from './old.cjs';
        import { one, two } from './equals.cjs';
        tell('cts', [joined, file.endsWith('old.cts'), one, two()]);`,
    });
    expect(told['cts']).toEqual(['a/b', true, 1, 2]);
  });

  it('in a CommonJS package, with __filename and require', async () => {
    const { module: found } = await load({
      'package.json': '{}',
      'lib/helper.ts': 'export const where = __filename;',
      'tasks.ts': `${app}${tellTs}
        import { where } from './lib/helper';
        const fs = require('fs');
        tell('cjs', [where.endsWith('lib/helper.ts'), __filename, fs.existsSync(__filename)]);`,
    });
    expect(told['cjs']).toEqual([true, found.file, true]);
  });

  it('as a package of a workspace whose sources are TypeScript', async () => {
    await load({
      'package.json': module,
      'node_modules/shared/package.json': '{"type": "module", "exports": "./src/index.ts"}',
      'node_modules/shared/src/index.ts': 'export const shared: number = 42;',
      'tasks.ts': `${app}${tellTs} import { shared } from 'shared'; tell('shared', shared);`,
    });
    expect(told['shared']).toBe(42);
  });

  it('with packages of its own, under each name that they have, and as each way of importing finds them', async () => {
    await load({
      'package.json': module,
      'node_modules/both/package.json':
        '{"exports": {".": {"import": "./esm.mjs", "require": "./cjs.cjs"}, "./same": {"import": "./esm.mjs"}, "./deep": "./lib/deep.js"}}',
      'node_modules/both/esm.mjs': "export const kind = 'esm';",
      'node_modules/both/cjs.cjs': "exports.kind = 'cjs';",
      'node_modules/both/lib/deep.js': "exports.deep = 'deep';",
      'tasks.ts': `${app}${tellTs}
        import { kind } from 'both';
        import { kind as same } from 'both/same';
        import deep from 'both/deep';
        const required = require('both') as { kind: string };
        const later = (await import('both')) as { kind: string };
        tell('packages', [kind, same, deep, required.kind, later.kind]);`,
    });
    expect(told['packages']).toEqual(['esm', 'esm', { deep: 'deep' }, 'cjs', 'esm']);
  });
});

describe('a JavaScript module', () => {
  it('is loaded whether it is an ES module or CommonJS', async () => {
    const esm = await load({ 'tasks.mjs': app });
    const cjs = await load({
      'tasks.cjs': `const { Ctq } = require('ctq');\n${tell} tell('dirname', __dirname);\nmodule.exports = { app: new Ctq('cjs') };`,
    });
    expect([esm.app.main, cjs.app.main]).toEqual(['tasks', 'cjs']);
    expect(told['dirname']).toBe(join(cjs.module.file, '..'));
  });

  it('may import TypeScript', async () => {
    const { app: found } = await load({
      'tasks.mjs': "import { name } from './name.ts';\nimport { Ctq } from 'ctq';\nexport const app = new Ctq(name);",
      'name.ts': "export const name: string = 'from-ts';",
    });
    expect(found.main).toBe('from-ts');
  });

  it('is itself, not a copy, where Node can run it', async () => {
    const { loader, module: found } = await load({
      'tasks.ts': "export { add } from './add.mjs';",
      'add.mjs': 'export function add(x, y) { return x + y; }',
    });
    expect(loader.placeOf(join(found.file, '..', 'add.mjs'))).toBe(join(found.file, '..', 'add.mjs'));
    expect(loader.placeOf(found.file)).not.toBe(found.file);
  });
});

describe('the instance of a module', () => {
  it('is one, also when the app includes modules that import it', async () => {
    const { app: found } = await load(
      {
        'proj/celery.ts': `import { Ctq } from 'ctq'; ${tellTs} tell('times', Number(__ctqTestTold['times'] ?? 0) + 1);
          export const app = new Ctq('proj', { include: ['proj.tasks'], imports: ['proj.more'] });`,
        'proj/tasks.ts':
          "import { app } from './celery.js';\nexport const add = app.task('proj.tasks.add', (x: number, y: number) => x + y);",
        'proj/more.mjs': "import { app } from './celery.ts';\nexport const sub = app.task('proj.more.sub', (x, y) => x - y);",
      },
      'proj',
    );
    expect([...found.tasks.keys()].sort()).toEqual(['proj.more.sub', 'proj.tasks.add']);
    expect(told['times']).toBe(1);
  });

  it('is one across -A and -I', async () => {
    const { app: found } = await load(
      {
        'tasks.ts': app,
        'mail.ts': "import { app } from './tasks';\nexport const send = app.task('mail.send', () => 1);",
        'extra.ts': 'export function plain(): number { return 1; }',
      },
      'tasks',
      { include: ['mail', 'extra'] },
    );
    expect([...found.tasks.keys()].sort()).toEqual(['extra.plain', 'mail.send']);
  });
});

describe('the app of a module', () => {
  it.each([
    ['tasks', "export const other = new Ctq('o'); export const app = new Ctq('a');", 'a'],
    ['tasks', "export const other = new Ctq('o'); export const celery = new Ctq('c');", 'c'],
    ['tasks', "export const other = new Ctq('o'); export default new Ctq('d');", 'd'],
    ['tasks', "export const whatever = new Ctq('w'); export { whatever as again };", 'w'],
    ['tasks:two', "export const one = new Ctq('1'); export const two = new Ctq('2');", '2'],
    ['tasks.two', "export const one = new Ctq('1'); export const two = new Ctq('2');", '2'],
    ['tasks:apps.main', "export const apps = { main: new Ctq('m') };", 'm'],
    ['tasks', "const inner = new Ctq('i'); export const add = inner.task('i.add', () => 1);", 'i'],
  ])('is found by %s in: %s', async (spec, source, name) => {
    const { app: found } = await load({ 'tasks.mjs': `import { Ctq } from 'ctq';\n${source}` }, spec);
    expect(found.main).toBe(name);
  });

  it('is made of the exported functions where there is none', async () => {
    const { app: found } = await load(
      {
        'proj/tasks.ts': `export function add(x: number, y: number): number { return x + y; }
          export const sub = async (x: number, y: number) => x - y;
          export class NotATask {}
          export const notATask = 3;
          export default function main(): void {}`,
      },
      'proj.tasks',
    );
    expect([...found.tasks.keys()].sort()).toEqual(['proj.tasks.add', 'proj.tasks.main', 'proj.tasks.sub']);
    expect(found.tasks.get('proj.tasks.add')?.run(3, 4)).toBe(7);
  });

  it('is made of the functions of module.exports, too', async () => {
    const { app: found } = await load({ 'tasks.cjs': 'module.exports = { add(x, y) { return x + y; } };' });
    expect([...found.tasks.keys()]).toEqual(['tasks.add']);
  });
});

describe('the address of an app', () => {
  it('is enough to load it once more, functions and includes and all, without compiling', async () => {
    const one = await load(
      {
        'tasks.ts':
          "import { Ctq } from 'ctq';\nexport const app = new Ctq('tasks', { imports: ['late'] });\nexport const a = app.task('tasks.a', (): number => 1);",
        'extra.ts': 'export const b = (): number => 2;',
        'late.ts': 'export const c = (): number => 3;',
      },
      'tasks:app',
      { include: ['extra'] },
    );
    const address = JSON.parse(JSON.stringify(one.address)) as typeof one.address;
    const again = await reopenApp(address);
    expect([...again.app.tasks.keys()].filter((name) => !name.startsWith('celery.'))).toEqual(['tasks.a', 'extra.b', 'late.c']);
  });

  it('says why it does not load, in the words of the first time', async () => {
    const one = await load({ 'tasks.mjs': `${app}if (globalThis.__ctqTestTold.broken) throw new Error('second time');` });
    const { file } = one.address.module;
    told['broken'] = true;
    const place = `${file}?again`;
    await expect(reopenApp({ ...one.address, places: [[file, place]] })).rejects.toThrow(ConfigError);
    told['broken'] = false;
  });

  it('can be made anew from sources that have changed, and stays when they do not compile', async () => {
    const one = await load({ 'tasks.ts': `${app}export const f = app.task('tasks.f', (): number => 1);` });
    const { file } = one.address.module;
    const placeOf = (address: typeof one.address): string => new Map(address.places).get(file) ?? '';
    writeFileSync(file, `${app}export const f = app.task('tasks.f', (): number => 22);`);
    const second = await one.rebuild();
    expect(placeOf(second)).not.toBe(placeOf(one.address));
    expect(readFileSync(placeOf(second), 'utf8')).toContain('22');
    // Somebody may still import from there.
    expect(existsSync(placeOf(one.address))).toBe(true);
    writeFileSync(file, 'const = 1;');
    await expect(one.rebuild()).rejects.toThrow(ConfigError);
    expect(one.loader.placeOf(file)).toBe(placeOf(second));
    one.loader.close();
    expect(existsSync(placeOf(one.address)) || existsSync(placeOf(second))).toBe(false);
  });
});

describe('a module that does not load', () => {
  it.each([
    ['export const a = = 1;', 'tasks.ts:1:18: Unexpected "=" (correct the file)'],
    [
      'import { x } from "./nothere.js"; export const f = () => x;',
      'tasks.ts:1:19: Could not resolve "./nothere.js" (is there such a file?',
    ],
    [
      'import x from "no-such-package"; export const f = () => x;',
      'tasks.ts:1:15: Could not resolve "no-such-package" (npm install no-such-package)',
    ],
    ['\nfunction f(): never { throw new TypeError("bo\\nom"); }\nf();', 'tasks.ts failed while it was loaded: TypeError: bo (at '],
    ['throw "text";', 'tasks.ts failed while it was loaded: it threw text (it threw while it was imported)'],
    [
      "import { Ctq } from 'ctq';\nexport const app = new Ctq('a', { brokrUrl: 'x' });",
      `tasks.ts failed while it was loaded: new Ctq('a'): unknown setting "brokrUrl" (did you mean brokerUrl?; at `,
    ],
    [
      "import { Ctq } from 'ctq';\nexport const a = new Ctq(), b = new Ctq();",
      'tasks exports several apps (name one: -A tasks:a or -A tasks:b)',
    ],
    ['export const a = 1;', 'exports neither an app nor a function (export const app'],
  ])('says in one line why: %j', async (source, expected) => {
    expect(await complaint({ 'tasks.ts': source })).toContain(expected);
  });

  it('says how two modules get on that import each other', async () => {
    const complained = await complaint({
      'tasks.ts': `${app}\nimport './mail.js';`,
      'mail.ts': "import { app } from './tasks.js';\nexport const send = app.task('mail.send', () => 1);",
    });
    expect(complained).toContain(
      "tasks.ts failed while it was loaded: TypeError: Cannot read properties of undefined (reading 'task') (at ",
    );
    expect(complained).toContain("; where two modules import each other, name the one with the tasks in the app's include instead)");
  });

  it('says which exports there are when another was asked for', async () => {
    expect(await complaint({ 'tasks.ts': app }, 'tasks:celery')).toContain('has no export "celery" (it has tasks:app)');
    expect(await complaint({ 'tasks.ts': 'export const celery = 3;' }, 'tasks:celery')).toContain('exports no app as "celery"');
  });

  it('says what to install when esbuild is missing and needed', async () => {
    const importEsbuild = (): never => {
      throw new Error('Cannot find package');
    };
    expect(await complaint({ 'tasks.ts': app }, 'tasks', { importEsbuild })).toBe(
      'tasks.ts is TypeScript, and esbuild is not installed (npm install esbuild, or name a compiled .js file)',
    );
  });

  it('names an include that is missing', async () => {
    expect(await complaint({ 'tasks.ts': app }, 'tasks', { include: ['mial'] })).toContain('cannot find the module "mial"');
  });
});
