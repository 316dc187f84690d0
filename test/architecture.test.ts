/**
 * The house keeps its doors: which room may import which, which package has which front door, and the
 * few habits that a reader relies on. The table below is the law; a new room gets a line here.
 */
import { describe, expect, it } from 'vitest';
import { type ImportLine, parseModule, readSourceModules, type SourceModule } from './support/source-modules.js';

type LayerName = 'ground' | 'contracts' | 'thought' | 'engines' | 'adapters' | 'app' | 'front doors';

/** From below to above. Engines and adapters stand side by side and never meet, except inside `ctq.ts`. */
const LAYERS: Readonly<Record<LayerName, { readonly height: number; readonly rooms: readonly string[] }>> = {
  ground: {
    height: 0,
    rooms: [
      'protocol',
      'errors',
      'signals',
      'clock',
      'time-limit',
      'back-off',
      'logger',
      'version',
      'entry-points',
      'fault-points',
      'start-garbage',
    ],
  },
  contracts: {
    height: 1,
    rooms: [
      ...['broker', 'result-backend', 'pool', 'task', 'beat/schedule', 'beat/schedule-store', 'remote-control/command', 'config', 'estate'],
      'client/apply-async-options',
    ],
  },
  thought: { height: 2, rooms: ['routing', 'canvas', 'execution', 'settlement', 'doctor', 'beat', 'tracing'] },
  engines: { height: 3, rooms: ['client', 'worker', 'remote-control', 'events', 'metrics', 'beat/beat'] },
  adapters: { height: 3, rooms: ['connections', 'brokers', 'result-backends', 'pools', 'estates', 'beat/schedule-stores', 'security'] },
  app: { height: 4, rooms: ['ctq', 'app-loader', 'config/resolve', 'config/conf', 'index', 'testing'] },
  'front doors': { height: 5, rooms: ['cli', 'child'] },
};

/** Engines that may know each other. */
const ENGINE_DOORS: Readonly<Record<string, readonly string[]>> = {
  worker: ['client', 'remote-control', 'events', 'metrics'],
  'beat/beat': ['client'],
  metrics: ['events'],
};

/** Loaded by the app only when something asks for them, so that a library user's start costs little. */
const LOADED_LATE = new Set([
  'connections',
  'brokers',
  'result-backends',
  'pools',
  'estates',
  'worker',
  'beat/beat',
  'beat/schedule-stores',
  'metrics',
]);

/** Engines that a front door may use directly: the table that command line and worker share. */
const FRONT_DOOR_EXTRAS = new Set(['remote-control/commands/index.ts']);

/** Types may be taken from the contracts and the thinking rooms by everybody; beyond that, only these. */
const TYPE_DOORS: readonly { readonly from: string; readonly to: string; readonly because: string }[] = [
  { from: 'task', to: 'client', because: 'task.delay() gives an AsyncResult, which only client can make' },
  { from: 'canvas', to: 'client', because: 'signature.delay() gives results, too' },
  { from: 'signals', to: 'worker', because: 'signals carry what happened in the worker' },
];

/** Each third-party package has one front door. */
const PACKAGES: Readonly<Record<string, RegExp>> = {
  commander: /^cli\/program\.ts$/,
  chalk: /^cli\/output\/[^/]+$/,
  'cli-table3': /^cli\/output\/[^/]+$/,
  'get-east-asian-width': /^cli\/output\/[^/]+$/,
  ora: /^cli\/output\/[^/]+$/,
  cosmiconfig: /^cli\/config-file\.ts$/,
  '@opentelemetry/api': /^tracing\/[^/]+$/,
  'prom-client': /^metrics\/exposition\.ts$/,
  suncalc: /^beat\/solar\.ts$/,
  valibot: /^config\/[^/]+$/,
  ioredis: /^connections\/redis(\/|\.ts$)/,
  '@photostructure/sqlite': /^connections\/sqlite(\/|\.ts$)/,
  amqplib: /^connections\/amqp(\/|\.ts$)/,
  pg: /^connections\/sql\/postgresql\.ts$/,
  mysql2: /^connections\/sql\/mysql\.ts$/,
  memjs: /^connections\/memcached\.ts$/,
  'js-yaml': /^protocol\/yaml-codec\.ts$/,
  '@msgpack/msgpack': /^protocol\/msgpack-codec\.ts$/,
  'bzip2-wasm': /^protocol\/bzip2-module\.ts$/,
  'node-liblzma': /^protocol\/optional-codecs\.ts$/,
  '@bokuweb/zstd-wasm': /^protocol\/optional-codecs\.ts$/,
  esbuild: /^app-loader(\.ts|\/[^/]+)$/,
};

/** Node's modules that reach outside the process: not for rooms that only think. */
const IO_MODULES = /^node:(fs|fs\/promises|net|tls|http|https|http2|dgram|dns|child_process|worker_threads|cluster|sqlite|readline)$/;
/** Compression is computing, in a thread where it takes long; where files lie is the one thing the ground may look up. */
const IO_EXCEPTIONS = new Set(['entry-points.ts', 'protocol/inflate-thread.ts']);

const LONGEST_FILE = 400;
/** A reader of imports that finds nothing also finds nothing wrong. */
const FEWEST_MODULES = 40;

const modules = readSourceModules();
const known = new Set(modules.map(({ path }) => path));

interface Room {
  readonly name: string;
  readonly layer: LayerName;
}

/** The most exact name wins: `beat/beat.ts` is an engine although `beat` thinks. */
function roomOf(path: string): Room | undefined {
  const plain = path.replace(/\.[cm]?ts$/, '');
  let best: Room | undefined;
  for (const [layer, { rooms }] of Object.entries(LAYERS)) {
    for (const name of rooms) {
      const inside = plain === name || plain.startsWith(`${name}/`);
      if (inside && (best === undefined || name.length > best.name.length)) best = { name, layer: layer as LayerName };
    }
  }
  return best;
}

/** The rule that an import of ours breaks, or undefined. */
function brokenRule(module: SourceModule, line: ImportLine): string | undefined {
  const from = roomOf(module.path);
  const to = line.target === undefined ? undefined : roomOf(line.target);
  if (from === undefined || to === undefined || from.name === to.name) return undefined;
  if (line.kind === 'type') return brokenTypeRule(from, to);
  const [low, high] = [LAYERS[to.layer].height, LAYERS[from.layer].height];
  if (from.layer === 'front doors' && LAYERS[to.layer].height === 3) {
    return FRONT_DOOR_EXTRAS.has(line.target ?? '') ? undefined : `front doors use the app, not ${to.layer} (ask ctq.ts)`;
  }
  if (from.layer === 'engines' && to.layer === 'engines') {
    const open = ENGINE_DOORS[from.name] ?? [];
    return open.includes(to.name) ? undefined : `among engines, ${from.name} may import ${open.join(', ') || 'none'}`;
  }
  if ((from.layer === 'engines' && to.layer === 'adapters') || (from.layer === 'adapters' && to.layer === 'engines')) {
    return 'engines and adapters never meet except inside ctq.ts';
  }
  if (from.layer === 'app' && line.kind === 'static' && LOADED_LATE.has(to.name)) return `the app loads ${to.name} only by import()`;
  return low > high ? `${from.layer} may not import upwards, from ${to.layer}` : undefined;
}

function brokenTypeRule(from: Room, to: Room): string | undefined {
  const { height } = LAYERS[to.layer];
  if (height <= 2 || height < LAYERS[from.layer].height) return undefined;
  if (TYPE_DOORS.some((door) => door.from === from.name && door.to === to.name)) return undefined;
  if (from.layer === to.layer)
    return from.layer === 'engines' && !(ENGINE_DOORS[from.name] ?? []).includes(to.name) ? 'engines do not know each other' : undefined;
  return `${from.layer} may not take types from ${to.layer}`;
}

function packageOf(specifier: string): string | undefined {
  if (specifier.startsWith('.') || specifier.startsWith('node:')) return undefined;
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

function complain(check: (module: SourceModule, line: ImportLine) => string | undefined): string[] {
  return modules.flatMap((module) =>
    module.imports.flatMap((line) => {
      const rule = check(module, line);
      return rule === undefined ? [] : [`src/${module.path}:${line.line} imports ${line.target ?? line.specifier}: ${rule}`];
    }),
  );
}

describe('the rooms of src/', () => {
  it('are all read', () => {
    expect(modules.length).toBeGreaterThanOrEqual(FEWEST_MODULES);
    expect(modules.flatMap(({ imports }) => imports).length).toBeGreaterThan(modules.length);
  });

  it('all have a place in the table of layers', () => {
    expect(modules.filter(({ path }) => roomOf(path) === undefined).map(({ path }) => `src/${path} belongs to no room`)).toEqual([]);
  });

  it('import only files that exist, by their name with .js', () => {
    expect(
      complain((_module, { specifier, target }) => {
        if (target === undefined || /\.(lua|bash|zsh|fish|ps1)$/.test(target)) return undefined;
        if (!specifier.endsWith('.js')) return 'a specifier of ours ends in .js';
        return known.has(target) ? undefined : 'there is no such file';
      }),
    ).toEqual([]);
  });

  it('import downwards, and sideways only through the open doors', () => {
    expect(complain(brokenRule)).toEqual([]);
  });

  it('hold no import cycle at run time, not even a late one', () => {
    expect(cycles()).toEqual([]);
  });

  it('leave I/O to engines, adapters and front doors', () => {
    expect(
      complain((module, { specifier, kind }) => {
        const layer = roomOf(module.path)?.layer;
        const thinks = layer === 'ground' || layer === 'contracts' || layer === 'thought';
        if (!thinks || kind === 'type' || IO_EXCEPTIONS.has(module.path)) return undefined;
        return IO_MODULES.test(specifier) ? `${layer} works without I/O` : undefined;
      }),
    ).toEqual([]);
  });

  it('name Node’s own modules with node:', () => {
    const bare =
      /^(assert|buffer|child_process|crypto|events|fs|http|https|module|net|os|path|process|stream|timers|tls|url|util|v8|vm|worker_threads|zlib)(\/|$)/;
    expect(complain((_module, { specifier }) => (bare.test(specifier) ? 'write node:' : undefined))).toEqual([]);
  });
});

describe('third-party packages', () => {
  it('come in through their own front door', () => {
    expect(
      complain((module, { specifier }) => {
        const name = packageOf(specifier);
        if (name === undefined) return undefined;
        const door = PACKAGES[name];
        if (door === undefined) return `${name} has no front door in the table`;
        return door.test(module.path) ? undefined : `${name} comes in through ${door.source}`;
      }),
    ).toEqual([]);
  });

  it('have only one file that loads them', () => {
    const users = new Map<string, Set<string>>();
    for (const { path, imports } of modules) {
      for (const { specifier, kind } of imports) {
        const name = packageOf(specifier);
        if (name === undefined || kind === 'type') continue;
        users.set(name, (users.get(name) ?? new Set()).add(path));
      }
    }
    expect([...users].filter(([, files]) => files.size > 1).map(([name, files]) => `${name}: ${[...files].join(', ')}`)).toEqual([]);
  });
});

describe('every file of src/', () => {
  it(`has at most ${LONGEST_FILE} lines, for there are two nouns in a longer one`, () => {
    expect(
      modules.filter(({ lines }) => lines.length > LONGEST_FILE).map(({ path, lines }) => `src/${path}: ${lines.length} lines`),
    ).toEqual([]);
  });

  it('is named in kebab-case', () => {
    expect(modules.map(({ path }) => path).filter((path) => !/^([a-z0-9]+(-[a-z0-9]+)*\/)*[a-z0-9]+(-[a-z0-9]+)*\.ts$/.test(path))).toEqual(
      [],
    );
  });

  it('has no default export, no boolean parameter in what it exports, and no any without a reason', () => {
    const findings = modules.flatMap(({ path, lines, problems }) =>
      problems
        .filter(({ line, what }) => !(what === 'any' && /no-explicit-any -- \S/.test(lines[line - 2] ?? '')))
        .map(({ line, what }) => `src/${path}:${line}: ${what}`),
    );
    expect(findings).toEqual([]);
  });

  it('neither prints nor ends the process: only bin, tools and the front door of a child do', () => {
    const wrong = /^(?!\s*(?:\*|\/\/)).*\b(?:console\.\w+\(|process\.exit\()/;
    expect(
      modules
        .filter(({ path }) => path !== 'child/channel.ts')
        .flatMap(({ path, lines }) => lines.flatMap((text, index) => (wrong.test(text) ? [`src/${path}:${index + 1}`] : []))),
    ).toEqual([]);
  });
});

describe('the reader of imports', () => {
  it('sees every way to import', () => {
    const text = [
      "import type { A } from './a.js';",
      "import { b } from '../b.js';",
      "export * from 'c';",
      "export type { D } from './d.js';",
      "const e = await import('./e.js');",
      "type F = import('./f.js').F;",
      "const g = require('g');",
      "const h = createRequire(import.meta.url)('h');",
      '// import { no } from "./comment.js"',
      'const text = `import { no } from "./template.js"`;',
    ].join('\n');
    expect(parseModule('room/x.ts', text).imports.map(({ line, target, specifier, kind }) => [line, target ?? specifier, kind])).toEqual([
      [1, 'room/a.ts', 'type'],
      [2, 'b.ts', 'static'],
      [3, 'c', 'static'],
      [4, 'room/d.ts', 'type'],
      [5, 'room/e.ts', 'dynamic'],
      [6, 'room/f.ts', 'type'],
      [7, 'g', 'dynamic'],
      [8, 'h', 'dynamic'],
    ]);
  });

  it('sees boolean parameters, any and default exports', () => {
    const text = [
      'export function one(a: string, b: boolean) {}',
      'export class Two { three(c = true) {} #four(d: boolean) {} private five(d: boolean) {} set six(on: boolean) {} }',
      'export interface Seven { eight(e?: boolean): void }',
      'function local(f: boolean) {}',
      'export const nine = (g: any) => g;',
      'export default nine;',
    ].join('\n');
    expect(parseModule('x.ts', text).problems.map(({ line, what }) => `${line} ${what}`)).toEqual([
      '5 any',
      '6 default export',
      '1 boolean parameter',
      '2 boolean parameter',
      '3 boolean parameter',
    ]);
  });

  it('tells which rule a line breaks', () => {
    const check = (path: string, text: string): (string | undefined)[] => {
      const module = parseModule(path, text);
      return module.imports.map((line) => brokenRule(module, line));
    };
    expect(check('worker/a.ts', "import { b } from '../brokers/redis/b.js';")).toEqual([
      'engines and adapters never meet except inside ctq.ts',
    ]);
    expect(check('protocol/a.ts', "import { b } from '../broker.js';")).toEqual(['ground may not import upwards, from contracts']);
    expect(check('ctq.ts', "import { b } from './brokers/index.js';")).toEqual(['the app loads brokers only by import()']);
    expect(check('ctq.ts', "await import('./brokers/index.js');")).toEqual([undefined]);
    expect(check('client/a.ts', "import { b } from '../worker/b.js';")).toEqual(['among engines, client may import none']);
    expect(check('worker/a.ts', "import { b } from '../client/b.js';")).toEqual([undefined]);
    expect(check('task.ts', "import type { b } from './client/b.js';")).toEqual([undefined]);
    expect(check('routing/a.ts', "import type { b } from '../worker/b.js';")).toEqual(['thought may not take types from engines']);
    expect(check('cli/a.ts', "import { b } from '../worker/b.js';")).toEqual(['front doors use the app, not engines (ask ctq.ts)']);
  });
});

/** Each cycle once, as a readable path. */
function cycles(): string[] {
  const edges = new Map(
    modules.map(({ path, imports }) => [
      path,
      imports.flatMap(({ kind, target }) => (kind !== 'type' && target !== undefined && known.has(target) ? [target] : [])),
    ]),
  );
  const found: string[] = [];
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]): void => {
    const at = trail.indexOf(path);
    if (at >= 0) found.push([...trail.slice(at), path].join(' → '));
    if (at >= 0 || done.has(path)) return;
    for (const target of edges.get(path) ?? []) visit(target, [...trail, path]);
    done.add(path);
  };
  for (const path of edges.keys()) visit(path, []);
  return found;
}
