/**
 * Builds dist/ (docs/decisions/0008). One bundle is split into shared chunks, so that the worker and a
 * user's `import 'ctq'` run the same module instances. The command line is one CommonJS file: reading
 * forty chunks took a third of the time of a `ctq send`, ES modules a twentieth. Each thread is one file.
 *
 *   node tools/build.mjs               JavaScript only, well under a second
 *   node tools/build.mjs --if-stale    the same, but nothing when dist/ is newer than its sources
 *   node tools/build.mjs --types       also declarations, and a check that they compile
 *   node tools/build.mjs --clean       also removes what earlier builds left; for packing
 *
 * Somebody may be running from dist/ meanwhile. So each file is written elsewhere and renamed into
 * place, chunks before the entries that import them, and chunks of earlier builds are kept for a
 * while: a worker that has been up for an hour may still `import()` one.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = join(root, 'dist');
const manifestFile = join(dist, '.build.json');

/** Output name (without `.js`) → source. Files that run as a thread or child of their own are found by `src/entry-points.ts`. */
const ENTRIES = {
  index: 'src/index.ts',
  testing: 'src/testing.ts',
  'cli/worker': 'src/cli/commands/worker.ts',
  'cli/exporter': 'src/cli/commands/exporter.ts',
  'beat-metrics': 'src/metrics/beat-metrics.ts',
  'app-loader': 'src/app-loader.ts',
  child: 'src/child.ts',
};

/** Threads, where no code of users runs: each is one file, for reading forty chunks takes longer than what they are started for. */
const THREADS = {
  'lease-thread': 'src/brokers/lease-thread.ts',
  'health-thread': 'src/worker/health/thread.ts',
  'orphan-watch': 'src/child/orphan-watch.ts',
  'stack-thread': 'src/child/stack-thread.ts',
  'inflate-thread': 'src/protocol/inflate-thread.ts',
};

/** The entries that users import, by package.json's `exports`. */
const LIBRARY = ['index', 'testing'];

/** The command line: its output and source; what it leaves to the split bundle, and what it never needs. */
const FRONT = {
  out: 'cli/main',
  in: 'src/cli/main.ts',
  elsewhere: {
    'src/cli/commands/worker.ts': './worker.js',
    'src/cli/commands/exporter.ts': './exporter.js',
    'src/app-loader.ts': '../app-loader.js',
    'src/metrics/beat-metrics.ts': '../beat-metrics.js',
  },
  /** Only `app.worker()` wants these, which here nobody calls. */
  never: ['src/worker/worker.ts', 'src/pools/index.ts', 'src/settlement.ts'],
  /** Packages for the screen, for config files and for RabbitMQ: loaded late, and not by everybody. */
  packages: ['amqplib', 'chalk', 'cli-table3', 'cosmiconfig', 'ora'],
};

const about = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

/** Native, wasm or chosen by the user: looked up at run time, or absent. Everything else is bundled. */
const EXTERNAL = [...Object.keys(about.peerDependencies), ...Object.keys(about.optionalDependencies), 'typescript'];

function isExternal(path) {
  return EXTERNAL.some((name) => path === name || path.startsWith(`${name}/`));
}

/** Imported as text. */
export const TEXTS = { '.lua': 'text', '.bash': 'text', '.zsh': 'text', '.fish': 'text', '.ps1': 'text' };

/** How long a chunk of an earlier build stays for processes that still run from it. */
const RETIREMENT_MS = 15 * 60_000;

function filesBelow(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
}

function readManifest() {
  try {
    return JSON.parse(readFileSync(manifestFile, 'utf8'));
  } catch {
    return undefined;
  }
}

/** Says why dist/ must be built again; undefined when it is current. */
export function staleReason() {
  const manifest = readManifest();
  if (manifest === undefined) return 'there is no build yet';
  const gone = manifest.files.find((file) => !existsSync(join(dist, file)));
  if (gone !== undefined) return `dist/${gone} is missing`;
  const missing = entryPoints().find((entry) => !manifest.files.includes(outputOf(entry)));
  if (missing !== undefined) return `${missing.in} is new`;
  const sources = [
    ...filesBelow(join(root, 'src')),
    join(root, 'package.json'),
    join(root, 'package-lock.json'),
    fileURLToPath(import.meta.url),
  ];
  const folders = new Set(sources.map((file) => dirname(file)).filter((folder) => folder.startsWith(join(root, 'src'))));
  for (const path of [...sources, ...folders]) {
    // A folder's own time tells of files that were removed or renamed.
    if (existsSync(path) && statSync(path).mtimeMs > manifest.builtFromMs) return `${relative(root, path)} is newer`;
  }
  return undefined;
}

function entryPoints(entries = { ...ENTRIES, ...THREADS, [FRONT.out]: FRONT.in }) {
  return Object.entries(entries)
    .filter(([, source]) => existsSync(join(root, source)))
    .map(([out, source]) => ({ in: join(root, source), out }));
}

function outputOf({ out }) {
  return out === FRONT.out ? `${out}.cjs` : `${out}.js`;
}

/**
 * `const { cosmiconfig } = await import('cosmiconfig')` works in Node, which finds the names that a
 * CommonJS package exports, and not in a bundle, where a late import of CommonJS gives only `default`.
 * So such an import goes to a small module that exports the names Node finds.
 */
const namesOfLateCommonJs = {
  name: 'names-of-late-commonjs',
  setup(bundler) {
    bundler.onResolve({ filter: /^[^./]/ }, async ({ path, kind, resolveDir, pluginData }) => {
      if (kind !== 'dynamic-import' || pluginData === 'resolved' || path.startsWith('node:') || isExternal(path)) return undefined;
      const found = await bundler.resolve(path, { kind: 'import-statement', resolveDir, pluginData: 'resolved' });
      return isCommonJs(found.path) ? { path: found.path, namespace: 'late-commonjs' } : undefined;
    });
    bundler.onLoad({ filter: /.*/, namespace: 'late-commonjs' }, async ({ path }) => {
      const names = Object.keys(await import(pathToFileURL(path).href)).filter(
        (name) => /^[A-Za-z_$][\w$]*$/.test(name) && name !== 'default',
      );
      const contents = [
        `const whole = require(${JSON.stringify(path)});`,
        'export default whole;',
        ...names.map((name) => `const late_${name} = whole.${name}; export { late_${name} as ${name} };`),
      ];
      return { contents: contents.join('\n'), resolveDir: dirname(path) };
    });
  },
};

function isCommonJs(file) {
  if (file.endsWith('.cjs')) return true;
  if (!file.endsWith('.js')) return false;
  let folder = dirname(file);
  while (!existsSync(join(folder, 'package.json')) && dirname(folder) !== folder) folder = dirname(folder);
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).type !== 'module';
}

/** Bundled CommonJS packages ask for Node's own modules with require(). */
const REQUIRE = {
  js: "import { createRequire as __ctqCreateRequire } from 'node:module'; const require = __ctqCreateRequire(import.meta.url);",
};

async function bundle(outdir) {
  const esbuild = await import('esbuild').catch((error) => {
    throw error.code === 'ERR_MODULE_NOT_FOUND' ? new Error('the packages are missing: run npm ci first') : error;
  });
  const { version } = about;
  const common = {
    absWorkingDir: root,
    outdir,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    // Not linked: a worker that maps its user's code would read and keep all of them.
    sourcemap: 'external',
    sourcesContent: false,
    minifySyntax: true,
    legalComments: 'none', // notices go to THIRD-PARTY-LICENSES.txt as a whole
    external: EXTERNAL,
    loader: TEXTS,
    define: { __CTQ_VERSION__: JSON.stringify(version) },
    plugins: [noExemplars, trimDriver, namesOfLateCommonJs, oneByteLetters],
    metafile: true,
    logLevel: 'silent',
    entryNames: '[dir]/[name]',
    chunkNames: 'chunks/[name]-[hash]',
  };
  const results = await Promise.all([
    esbuild.build({
      ...common,
      entryPoints: entryPoints(ENTRIES),
      splitting: true,
      banner: REQUIRE,
    }),
    esbuild.build({
      ...common,
      entryPoints: entryPoints(THREADS),
      minifyWhitespace: true,
      banner: REQUIRE,
    }),
    esbuild.build({
      ...common,
      entryPoints: entryPoints({ [FRONT.out]: FRONT.in }),
      format: 'cjs',
      outExtension: { '.js': '.cjs' },
      banner: {
        js: `const __ctqUrl = require('node:url').pathToFileURL(__filename).href, ${LATE_IMPORT} = module.lateImport ?? ((name) => import(name));`,
      },
      define: { ...common.define, 'import.meta.url': '__ctqUrl' },
      minifyWhitespace: true, // Comments cost time to read.
      external: [...EXTERNAL, ...FRONT.packages],
      plugins: [leaveOut, loadLate, trimDriver, namesOfLateCommonJs, oneByteLetters],
    }),
  ]);
  importThroughLoader(join(outdir, outputOf(FRONT)));
  for (const file of filesBelow(outdir)) if (file.endsWith('.js')) dropIdleRequire(file);
  const inputs = results.flatMap(({ metafile }) => Object.keys(metafile.inputs));
  writeFileSync(join(outdir, 'THIRD-PARTY-LICENSES.txt'), licences(inputs));
}

/**
 * V8 keeps the text of every file in memory, and twice as large when one letter of it needs more than a byte: a dash in
 * a comment, a quote in a regular expression. Three megabytes of a worker's memory are saved by writing them as escapes.
 */
const oneByteLetters = {
  name: 'one-byte-letters',
  setup(build) {
    build.onLoad({ filter: /[\\/]src[\\/].*\.ts$/ }, ({ path }) => {
      const text = readFileSync(path, 'utf8');
      if (path.includes('node_modules') || !/[^\u0000-\u00ff]/.test(text)) return undefined;
      const escaped = text.replaceAll(/[^\u0000-\u00ff]/g, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`);
      return { contents: escaped, loader: 'ts' };
    });
  },
};

/** As long as `import`, for the source map's sake. */
const LATE_IMPORT = '__load';

/** Code that V8 kept has no `import()` on Node 20, so `bin/front.js` lends its own. */
function importThroughLoader(file) {
  writeFileSync(file, readFileSync(file, 'utf8').replaceAll(/\bimport(?=\(")/g, LATE_IMPORT));
}

/** Keeps out of the command line's one file what it does not need at every start. */
const leaveOut = {
  name: 'leave-out',
  setup(build) {
    build.onResolve({ filter: /^\.{1,2}\// }, ({ path, kind, resolveDir }) => {
      if (kind !== 'dynamic-import') return undefined;
      const source = relative(root, resolve(resolveDir, path)).replace(/\.js$/, '.ts').split(sep).join('/');
      if (source in FRONT.elsewhere) return { path: FRONT.elsewhere[source], external: true };
      return FRONT.never.includes(source) ? { path: source, namespace: 'never' } : undefined;
    });
    build.onLoad({ filter: /.*/, namespace: 'never' }, () => ({ contents: 'export {};' }));
  },
};

/** Modules of Node's that packages ask for in case, and that a `ctq send` never needs; together a tenth of its time. */
const SELDOM_USED = /^(?:node:)?(?:assert|child_process|dns|tls|tty)$/;

/** Packages get such a module when they first use it; and no `debug`, which is only for their own authors. */
const loadLate = {
  name: 'load-late',
  setup(build) {
    build.onResolve({ filter: SELDOM_USED }, ({ path, importer, kind }) =>
      kind === 'require-call' && importer.includes('node_modules') ? { path, namespace: 'late' } : undefined,
    );
    build.onLoad({ filter: /.*/, namespace: 'late' }, ({ path }) => ({
      contents: `module.exports = new Proxy({}, { get: (_, name) => require(${JSON.stringify(path)})[name] });`,
    }));
    build.onResolve({ filter: /^debug$/ }, () => ({ path: 'debug', namespace: 'silent' }));
    build.onLoad({ filter: /.*/, namespace: 'silent' }, () => ({
      contents: 'exports.default = () => Object.assign(() => {}, { enabled: false });',
    }));
  },
};

/** prom-client asks for tracing to put trace ids beside its own figures of Node, which it is not asked to do; tracing is optional here. */
const noExemplars = {
  name: 'no-exemplars',
  setup(build) {
    build.onResolve({ filter: /^@opentelemetry\/api$/ }, ({ path, importer }) =>
      /prom-client[\\/]lib[\\/]/.test(importer) ? { path, namespace: 'no-exemplars' } : undefined,
    );
    build.onLoad({ filter: /.*/, namespace: 'no-exemplars' }, () => ({ contents: 'module.exports = {};' }));
  },
};

/**
 * The driver makes two functions for each of Redis' commands when it is loaded, and brings the client of a cluster along. We send commands
 * by name and reach no cluster with it; that was two thirds of its loading, and a tenth of a `ctq send`.
 */
const trimDriver = {
  name: 'trim-driver',
  setup(build) {
    const used = ['auth', 'client', 'hello', 'info', 'psubscribe', 'quit', 'readonly', 'select', 'ssubscribe', 'subscribe'];
    build.onLoad({ filter: /ioredis[\\/]built[\\/]utils[\\/]Commander\.js$/ }, ({ path }) => {
      const source = readFileSync(path, 'utf8');
      const contents = source.replace('commands_1.list.filter(', `${JSON.stringify(used)}.filter(`);
      if (contents === source) throw new Error('ioredis makes its commands in another way now: look again at what its loading costs');
      return { contents, loader: 'js' };
    });
    build.onResolve({ filter: /^\.\/cluster$/ }, ({ path, importer }) =>
      /ioredis[\\/]built[\\/]/.test(importer) ? { path, namespace: 'no-cluster' } : undefined,
    );
    build.onLoad({ filter: /.*/, namespace: 'no-cluster' }, () => ({ contents: 'exports.default = class Cluster {};' }));
  },
};

/** A require() of its own costs each file a tenth of a millisecond, a worker reads eighty, and few use it. Lines stay where the source map has them. */
function dropIdleRequire(file) {
  const text = readFileSync(file, 'utf8');
  const rest = text.replace(REQUIRE.js, '');
  if (!/\brequire\b/.test(rest)) writeFileSync(file, rest);
}

/** The licence text of each package that ended up in the bundle, as those licences ask for. */
function licences(inputs) {
  const packages = new Set();
  for (const input of inputs.map((path) => path.replace(/^[a-z-]+:/, ''))) {
    const name = /(?:^|.*\/)node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input);
    if (name !== null) packages.add(name[0]);
  }
  const parts = [...packages].sort().map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(resolve(root, folder, 'package.json'), 'utf8'));
    const file = readdirSync(resolve(root, folder)).find((entry) => /^licen[cs]e/i.test(entry));
    const text = file === undefined ? '' : readFileSync(resolve(root, folder, file), 'utf8').trim();
    return `${name} ${version} (${typeof license === 'string' ? license : 'see below'})\n\n${text}\n`;
  });
  return `dist/ contains parts of the following packages.\n\n${parts.join(`\n${'-'.repeat(72)}\n\n`)}`;
}

function emitDeclarations(outdir) {
  const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');
  const run = spawnSync(process.execPath, [tsc, '-p', join(root, 'tools', 'tsconfig.types.json'), '--outDir', outdir], {
    encoding: 'utf8',
    cwd: root,
  });
  if (run.status !== 0) throw new Error(`the declarations do not compile:\n${run.stdout}${run.stderr}`);
  keepReachable(outdir);
}

/** Five of six declarations describe what nobody can import: two thirds of the package's files. */
function keepReachable(outdir) {
  const reached = new Set();
  const visit = (file) => {
    if (reached.has(file)) return;
    reached.add(file);
    for (const [, path] of readFileSync(file, 'utf8').matchAll(/(?:from |import\()['"](\.[^'"]+)\.js['"]/g))
      visit(join(dirname(file), `${path}.d.ts`));
  };
  for (const name of LIBRARY) visit(join(outdir, `${name}.d.ts`));
  for (const file of filesBelow(outdir)) if (file.endsWith('.d.ts') && !reached.has(file)) rmSync(file);
}

/** Chunks first, entries after the chunks they import, the record last. */
function moveIntoPlace(from) {
  const rank = (file) => (file.startsWith('chunks/') ? 0 : 1);
  const files = filesBelow(from).map((file) => relative(from, file).split(sep).join('/'));
  for (const file of files.sort((a, b) => rank(a) - rank(b))) {
    mkdirSync(dirname(join(dist, file)), { recursive: true });
    renameSync(join(from, file), join(dist, file));
  }
  return files;
}

function retireLeftovers(files, previous, options) {
  const now = Date.now();
  const retired = {};
  for (const path of filesBelow(dist)) {
    const file = relative(dist, path).split(sep).join('/');
    if (file === '.build.json' || files.includes(file)) continue;
    const since = previous?.retired?.[file] ?? now;
    const declarationsStay = file.endsWith('.d.ts') && !options.clean;
    if (!declarationsStay && (options.clean || now - since > RETIREMENT_MS)) rmSync(path, { force: true });
    else retired[file] = since;
  }
  return retired;
}

/** What builds left behind that were killed. */
function clearWorkshops() {
  for (const name of readdirSync(root)) {
    if (!name.startsWith('.dist-')) continue;
    const { mtimeMs } = statSync(join(root, name), { throwIfNoEntry: false }) ?? { mtimeMs: Infinity };
    if (Date.now() - mtimeMs > RETIREMENT_MS) rmSync(join(root, name), { recursive: true, force: true });
  }
}

/** Builds dist/. Throws with esbuild's or tsc's own words when the sources do not build. */
export async function build(options = {}) {
  const builtFromMs = Date.now();
  const previous = readManifest();
  mkdirSync(dist, { recursive: true });
  clearWorkshops();
  // Beside dist/, for a rename must not cross file systems.
  const workshop = mkdtempSync(join(root, '.dist-'));
  try {
    await bundle(workshop);
    if (options.types) emitDeclarations(workshop);
    const files = moveIntoPlace(workshop);
    const record = { builtFromMs, files, retired: retireLeftovers(files, previous, options) };
    writeFileSync(join(workshop, '.build.json'), JSON.stringify(record, undefined, 1));
    renameSync(join(workshop, '.build.json'), manifestFile);
  } finally {
    rmSync(workshop, { recursive: true, force: true });
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { values } = parseArgs({
    options: { types: { type: 'boolean' }, clean: { type: 'boolean' }, 'if-stale': { type: 'boolean' }, quiet: { type: 'boolean' } },
  });
  const startedAt = performance.now();
  const reason = values['if-stale'] ? staleReason() : 'asked';
  if (reason !== undefined) {
    try {
      await build({ types: values.types === true, clean: values.clean === true });
      if (!values.quiet) console.log(`built dist/ in ${Math.round(performance.now() - startedAt)} ms`);
    } catch (error) {
      const problems = error.errors ?? [];
      for (const { text, location } of problems.slice(0, 20)) {
        console.error(`${location === null ? '' : `${location.file}:${location.line}:${location.column}: `}${text}`);
      }
      console.error(`the build failed${problems.length > 0 ? `: ${problems.length} problems` : `: ${error.message}`}`);
      process.exitCode = 1;
    }
  }
}
