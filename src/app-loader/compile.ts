/**
 * TypeScript → JavaScript, file by file. Not one bundle: then each file stays a module of its own, with
 * Node's order of evaluation, one instance however many modules import it, also when more modules
 * are asked for later (an app's `include` is only known after it ran). docs/decisions/0007 tells more.
 */
import { writeFileSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { BuildOptions, ImportKind, Plugin } from 'esbuild';
import { CTQ, compileError, ESBUILD_TARGET, type Esbuild, type ModuleGraph, type ModuleImport, readSource } from './module-graph.js';

export interface CompileSetting {
  readonly esbuild: Esbuild;
  readonly graph: ModuleGraph;
  readonly workdir: string;
  /** A private folder for the output. */
  readonly folder: string;
  /** Where modules are that are not to be compiled (again): file → path. */
  readonly known: ReadonlyMap<string, string>;
  /** Where the running ctq is. */
  readonly ctqFile: string;
}

/**
 * Compiles the files of the graph that are not known yet.
 *
 * @returns Where each of them is now.
 */
export async function compileModules(setting: CompileSetting): Promise<ReadonlyMap<string, string>> {
  const fresh = [...setting.graph.keys()].filter((file) => !setting.known.has(file));
  const commonJs = filesInCommonJs(setting.graph, fresh);
  const outputs = new Map<string, string>();
  for (const [index, file] of fresh.entries()) {
    const stem = `${setting.known.size + index}-${basename(file, extname(file)).replace(/[^\w.-]/g, '_')}`;
    outputs.set(file, join(setting.folder, `${stem}${commonJs.has(file) ? '.cjs' : '.mjs'}`));
  }
  const places = new Map([...setting.known, ...outputs]);
  const plugins = [rewriteImports(setting, places), giveLocation];
  for (const format of ['esm', 'cjs'] as const) {
    const files = fresh.filter((file) => commonJs.has(file) === (format === 'cjs'));
    if (files.length === 0) continue;
    const built = await setting.esbuild
      .build({ ...optionsFor(format, setting), entryPoints: entriesOf(files, outputs), plugins })
      .catch((error: unknown) => {
        throw compileError(error, setting.workdir);
      });
    const sources = new Map(files.map((file) => [outputs.get(file), file]));
    for (const { path, text, contents } of built.outputFiles) {
      const source = sources.get(path);
      const finished = source === undefined ? contents : format === 'esm' ? withRequire(text, source) : withNames(text, source);
      writeFileSync(path, finished, { mode: 0o600 });
    }
  }
  return outputs;
}

function optionsFor(format: 'esm' | 'cjs', setting: CompileSetting): BuildOptions & { readonly write: false } {
  return {
    absWorkingDir: setting.workdir,
    outdir: setting.folder,
    bundle: true,
    write: false,
    format,
    platform: 'node',
    target: ESBUILD_TARGET,
    sourcemap: 'inline',
    sourcesContent: false,
    treeShaking: false,
    logLevel: 'silent',
    loader: { '.node': 'copy' },
    outExtension: { '.js': format === 'esm' ? '.mjs' : '.cjs' },
    define: LOCATION,
  };
}

/** A free `require` in an ES module: gives it one, in front on the first line so that line numbers stay. */
function withRequire(text: string, source: string): string {
  if (!/^var __require = /m.test(text)) return text;
  const here = JSON.stringify(pathToFileURL(source).href);
  return `import { createRequire as __ctqRequire } from 'node:module'; const require = __ctqRequire(${here}); ${text}`;
}

/** Node reads from the text which names a CommonJS module exports, and not all of it is as it was. */
function withNames(text: string, source: string): string {
  const known = text.includes('\n0 && (module.exports = {');
  const names = known ? [] : commonJsNames(readSource(source));
  const hint = names.length === 0 ? '' : `0 && (module.exports = { ${names.join(', ')} });\n`;
  return text.replace(/^(?=\/\/# sourceMappingURL=)/m, hint);
}

/** As Node itself does: from the text, by the usual ways to write it. */
function commonJsNames(source: string): string[] {
  const assigned = [...source.matchAll(/\bexports\.([A-Za-z_$][\w$]*)\s*=/g)].map((match) => match[1] ?? '');
  const literal = /(?:module\.exports|\bexport)\s*=\s*\{([^}]*)\}/.exec(source)?.[1] ?? '';
  const keys = [...literal.matchAll(/(?:^|[,{])\s*(?:async\s+)?([A-Za-z_$][\w$]*)\s*(?=[,:(]|$)/g)].map((match) => match[1] ?? '');
  return [...new Set([...assigned, ...keys])].filter((name) => name !== 'default');
}

function entriesOf(files: readonly string[], outputs: ReadonlyMap<string, string>): { in: string; out: string }[] {
  return files.map((file) => ({ in: file, out: basename(outputs.get(file) ?? file).replace(/\.[cm]js$/, '') }));
}

/**
 * CommonJS stays CommonJS, and whatever is loaded by `require()` becomes it: a module with both kinds of
 * readers then works for both.
 */
function filesInCommonJs(graph: ModuleGraph, files: readonly string[]): ReadonlySet<string> {
  const found = new Set<string>();
  const add = (file: string): void => {
    if (found.has(file)) return;
    found.add(file);
    for (const line of graph.get(file)?.imports ?? []) if (!line.foreign && line.kind !== 'dynamic-import') add(line.target);
  };
  for (const file of files) {
    const module = graph.get(file);
    if (module === undefined) continue;
    if (module.format === 'cjs' || extname(file) === '.cts') add(file);
    for (const line of module.imports) if (line.kind === 'require-call' && !line.foreign) add(line.target);
  }
  return found;
}

/** Every import gets the address of what it means; data (`.json`) is taken in. */
function rewriteImports(setting: CompileSetting, places: ReadonlyMap<string, string>): Plugin {
  const meanings = new Map<string, ModuleImport>();
  for (const { file, imports } of setting.graph.values())
    for (const line of imports) meanings.set(meaningKey(file, line.kind, line.specifier), line);
  return {
    name: 'addresses',
    setup(build) {
      build.onResolve({ filter: /.*/ }, ({ path, importer, kind }) => {
        if (kind === 'entry-point') return undefined;
        const meant = meanings.get(meaningKey(importer, kind, path));
        if (meant === undefined) return { path, external: true };
        const place = meant.foreign ? foreignPlace(meant.target, setting.ctqFile) : places.get(meant.target);
        if (place === undefined) return { path: meant.target };
        const isFile = place.startsWith('/') || /^[A-Za-z]:[\\/]/.test(place);
        return { path: isFile && kind !== 'require-call' ? pathToFileURL(place).href : place, external: true };
      });
    },
  };
}

/** A package may mean one file for `import` and another for `require`. */
function meaningKey(importer: string, kind: ImportKind, specifier: string): string {
  return `${importer}\0${kind}\0${specifier}`;
}

function foreignPlace(target: string, ctqFile: string): string {
  return target === CTQ ? ctqFile : target;
}

/** What a module knows about its own place, which must stay that of the source. */
const LOCATION = {
  'import.meta.url': '__ctqUrl',
  'import.meta.filename': '__ctqFile',
  'import.meta.dirname': '__ctqFolder',
  __filename: '__ctqFile',
  __dirname: '__ctqFolder',
} as const;

/** Declares those names, on the first line so that line numbers stay; names that a file declares itself are its own. */
const giveLocation: Plugin = {
  name: 'location',
  setup(build) {
    build.onLoad({ filter: /\.[cm]?[jt]sx?$/ }, ({ path }) => {
      const source = readSource(path).replace(/^\uFEFF?#!/, '//');
      const contents = /import\.meta|__filename|__dirname/.test(source) ? declarations(path) + source : source;
      return { contents, loader: 'default' };
    });
  },
};

function declarations(path: string): string {
  const values = [pathToFileURL(path).href, path, dirname(path)].map((value) => JSON.stringify(value));
  return `const __ctqUrl = ${values[0]}, __ctqFile = ${values[1]}, __ctqFolder = ${values[2]};`;
}
