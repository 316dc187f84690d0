/**
 * Which of the user's files belong to a module, and who imports whom: asked of esbuild, which knows
 * tsconfig's `paths`, `.js` that means `.ts`, and packages whose sources are TypeScript.
 */
import { readFileSync, realpathSync } from 'node:fs';
import { createRequire, isBuiltin } from 'node:module';
import { dirname, extname, resolve } from 'node:path';
import type { BuildFailure, ImportKind, Plugin } from 'esbuild';
import { ConfigError } from '../errors.js';

/** The part of esbuild that we use; passed in, for it may be missing. */
export type Esbuild = Pick<typeof import('esbuild'), 'build' | 'stop'>;

export interface ModuleImport {
  readonly specifier: string;
  readonly kind: ImportKind;
  /** A file of the user's, or what Node shall resolve: `node:fs`, an absolute path of a package's file. */
  readonly target: string;
  readonly foreign: boolean;
}

export interface UserModule {
  readonly file: string;
  readonly imports: readonly ModuleImport[];
  /** How it is written; undefined when it neither imports nor exports. */
  readonly format: 'esm' | 'cjs' | undefined;
}

export type ModuleGraph = ReadonlyMap<string, UserModule>;

/** What `import 'ctq'` in a user's module is before it gets its address. */
export const CTQ = 'ctq';

const COMPILED = /\.[cm]?[jt]sx?$/;

/**
 * @throws {@link ConfigError} with file, line and column of a syntax error or a missing import.
 */
export async function readModuleGraph(esbuild: Esbuild, entries: readonly string[], workdir: string): Promise<ModuleGraph> {
  const written: WrittenSpecifiers = new Map();
  const built = await esbuild
    .build({
      entryPoints: [...new Set(entries)],
      absWorkingDir: workdir,
      bundle: true,
      write: false,
      outdir: workdir,
      metafile: true,
      format: 'esm',
      platform: 'node',
      target: ESBUILD_TARGET,
      conditions: [],
      logLevel: 'silent',
      loader: { '.node': 'copy' },
      plugins: [resolvePackages(written)],
    })
    .catch((error: unknown) => {
      throw compileError(error, workdir);
    });
  const graph = new Map<string, UserModule>();
  for (const [path, input] of Object.entries(built.metafile.inputs)) {
    const file = resolve(workdir, path);
    if (!COMPILED.test(file)) continue;
    const imports = input.imports.flatMap(({ path: target, original, kind, external }) => {
      if (external !== true) return [{ specifier: original ?? target, kind, target: resolve(workdir, target), foreign: false }];
      const specifiers = written.get(wayKey(file, kind, target)) ?? [original ?? target];
      return [...specifiers].map((specifier) => ({ specifier, kind, target, foreign: true }));
    });
    graph.set(file, { file, imports, format: input.format });
  }
  return graph;
}

/** The oldest Node that ctq runs on; decorators are compiled, top-level await stays. */
export const ESBUILD_TARGET = 'node20.19';

/**
 * Packages stay what they are, each by the absolute path that it has for its importer, because what we
 * compile lies elsewhere. TypeScript is compiled wherever it comes from: workspaces link to sources.
 */
function resolvePackages(written: WrittenSpecifiers): Plugin {
  return {
    name: 'packages',
    setup(build) {
      build.onResolve({ filter: /^[^./]/ }, async ({ path, kind, resolveDir, importer, pluginData }) => {
        if (pluginData === 'asked' || kind === 'entry-point') return undefined;
        if (isBuiltin(path) || /^(?:data|https?|file):/.test(path)) return { path, external: true };
        if (path === CTQ) return { path, external: true };
        const found = await build.resolve(path, { kind, resolveDir, importer, pluginData: 'asked' });
        // Left to esbuild, which then says where the import stands.
        if (found.errors.length > 0) return undefined;
        const isPackage = /[\\/]node_modules[\\/]/.test(found.path) && !/\.[cm]?tsx?$/.test(found.path);
        if (!isPackage && !found.external) return { path: found.path, namespace: found.namespace };
        const key = wayKey(importer, kind, found.path);
        written.set(key, (written.get(key) ?? new Set()).add(path));
        return { path: found.path, external: true };
      });
    },
  };
}

/** What a module calls a package's file: esbuild's own report has only where that was found. */
type WrittenSpecifiers = Map<string, Set<string>>;

function wayKey(importer: string, kind: ImportKind, target: string): string {
  return `${importer}\0${kind}\0${target}`;
}

/** Folder with the package.json of the `ctq` that a file would import by itself. */
export function ownCtqOf(file: string): string | undefined {
  try {
    return realpathSync(dirname(createRequire(file).resolve('ctq/package.json')));
  } catch {
    return undefined;
  }
}

/** Files that Node runs as they are, for themselves and with all they import. */
export function untouchedFiles(graph: ModuleGraph, ctqRoot: string): ReadonlySet<string> {
  const untouched = new Set([...graph.keys()].filter((file) => /\.[cm]?js$/.test(file)));
  for (let changed = true; changed; ) {
    changed = false;
    for (const file of untouched) {
      const module = graph.get(file);
      if (module?.imports.every((line) => runsAsItIs(line, file, untouched, ctqRoot)) === true) continue;
      untouched.delete(file);
      changed = true;
    }
  }
  return untouched;
}

function runsAsItIs(line: ModuleImport, importer: string, untouched: ReadonlySet<string>, ctqRoot: string): boolean {
  if (line.foreign) return line.target !== CTQ || ownCtqOf(importer) === ctqRoot;
  if (!COMPILED.test(line.target)) return line.kind === 'require-call' || extname(line.target) !== '.json';
  if (!untouched.has(line.target)) return false;
  // Node wants import specifiers whole; only require() fills in extensions.
  return line.kind === 'require-call' || resolve(dirname(importer), line.specifier) === line.target;
}

/** esbuild's first complaint in one line: `tasks.ts:3:7: Expected ";"`. */
export function compileError(error: unknown, workdir: string): unknown {
  const [first, ...others] = (error as Partial<BuildFailure>).errors ?? [];
  if (first === undefined) return error;
  const { location, text } = first;
  const place = location === null ? '' : `${location.file}:${location.line}:${location.column + 1}: `;
  const missing = /^Could not resolve "([^"]+)"/.exec(text)?.[1];
  const isPackage = missing !== undefined && !/^[./]/.test(missing);
  const rest = others.length === 0 ? '' : `; ${others.length} more`;
  return new ConfigError(
    `${place}${text}${rest}`,
    {
      hint:
        missing === undefined
          ? 'correct the file'
          : isPackage
            ? `npm install ${missing}`
            : `is there such a file? ${workdir} is the working directory`,
      cause: error,
    },
    'CTQ_CONFIG_APP',
  );
}

export function readSource(file: string): string {
  return readFileSync(file, 'utf8');
}
