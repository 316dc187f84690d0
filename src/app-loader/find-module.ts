/**
 * From what stands behind `-A` to a file. Dots are folders (`proj.tasks`), `module:symbol` or a last
 * dotted part picks an export (`tasks.celery`), and a path or a package's name will do as well.
 */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, extname, join, relative, resolve, sep } from 'node:path';
import { closestName } from '../config/closest-name.js';
import { ConfigError } from '../errors.js';

export const MODULE_EXTENSIONS = ['.ts', '.mts', '.cts', '.js', '.mjs', '.cjs'] as const;
const EXTENSIONS_IN_WORDS = `{${MODULE_EXTENSIONS.map((extension) => extension.slice(1)).join(',')}}`;

export interface FoundModule {
  readonly file: string;
  /** With dots, as the names of its tasks begin: `proj.tasks`. */
  readonly name: string;
  /** The export that was asked for by name. */
  readonly symbol: string | undefined;
}

/**
 * @param spec - As typed after `-A` or `-I`.
 * @throws {@link ConfigError} that lists what was looked for.
 */
export function findModule(spec: string, workdir: string): FoundModule {
  const [, moduleSpec = spec, symbol] = /^(.+?)(?::([A-Za-z_$][\w$]*(?:\.[\w$]+)*))?$/s.exec(spec) ?? [];
  if (spec.trim() === '' || moduleSpec.includes('\0')) throw notFound(spec, [], workdir);
  const looked: string[] = [];
  const found =
    lookForPath(moduleSpec, workdir, looked) ??
    (isPathLike(moduleSpec) ? undefined : lookForDotted(moduleSpec, workdir, looked)) ??
    lookForPackage(moduleSpec, workdir, looked) ??
    (symbol === undefined ? lookForExport(moduleSpec, workdir, looked) : undefined);
  if (found === undefined) throw notFound(moduleSpec, looked, workdir);
  return { file: found.file, name: found.name, symbol: symbol ?? found.symbol };
}

type Found = Omit<FoundModule, 'symbol'> & { readonly symbol?: string };

function isPathLike(spec: string): boolean {
  return /[\\/]/.test(spec) || spec.startsWith('.');
}

/** `./src/tasks`, `src/tasks.ts`, and `tasks.ts` when there is such a file. */
function lookForPath(spec: string, workdir: string, looked: string[]): Found | undefined {
  const path = resolve(workdir, spec);
  const isModuleFile = (MODULE_EXTENSIONS as readonly string[]).includes(extname(path)) && isFile(path);
  if (isModuleFile) return { file: path, name: nameOfPath(path, workdir) };
  if (!isPathLike(spec) || spec.startsWith('@')) return undefined;
  const file = moduleAt(path);
  looked.push(`${spec}.${EXTENSIONS_IN_WORDS}`, `${spec}/index.*`);
  return file === undefined ? undefined : { file, name: nameOfPath(path, workdir) };
}

/** `proj.tasks`: proj/tasks.ts, proj/tasks/index.ts; and for a folder without index its `celery` module, as Celery does. */
function lookForDotted(spec: string, workdir: string, looked: string[]): Found | undefined {
  const parts = spec.split('.');
  if (parts.includes('')) return undefined;
  const path = join(workdir, ...parts);
  const shown = parts.join('/');
  looked.push(`${shown}.${EXTENSIONS_IN_WORDS}`, `${shown}/index.*`);
  const file = moduleAt(path) ?? withExtension(join(path, 'celery'));
  return file === undefined ? undefined : { file, name: spec };
}

/** `tasks.celery`: the export `celery` of `tasks`. */
function lookForExport(spec: string, workdir: string, looked: string[]): Found | undefined {
  const dot = spec.lastIndexOf('.');
  if (dot <= 0 || isPathLike(spec)) return undefined;
  const [moduleSpec, symbol] = [spec.slice(0, dot), spec.slice(dot + 1)];
  const found = lookForDotted(moduleSpec, workdir, looked) ?? lookForPackage(moduleSpec, workdir, looked);
  return found === undefined ? undefined : { ...found, symbol };
}

function lookForPackage(spec: string, workdir: string, looked: string[]): Found | undefined {
  if (!/^(@[\w.-]+\/)?[\w][\w.-]*$/.test(spec)) return undefined;
  looked.push(`a package ${spec}`);
  for (let folder = workdir; ; folder = dirname(folder)) {
    const home = join(folder, 'node_modules', spec);
    const file = existsSync(home) ? packageEntry(home) : undefined;
    if (file !== undefined) return { file, name: spec };
    if (dirname(folder) === folder) return undefined;
  }
}

/** The file that `import 'package'` means. */
function packageEntry(home: string): string | undefined {
  let manifest: { exports?: unknown; main?: unknown };
  try {
    manifest = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')) as typeof manifest;
  } catch {
    return moduleAt(home);
  }
  const entry = exportsEntry(manifest.exports) ?? (typeof manifest.main === 'string' ? manifest.main : undefined);
  if (entry === undefined) return moduleAt(home);
  const path = join(home, entry);
  return isFile(path) ? path : moduleAt(path);
}

function exportsEntry(entry: unknown): string | undefined {
  if (typeof entry === 'string') return entry;
  if (Array.isArray(entry)) return exportsEntry(entry[0]);
  if (typeof entry !== 'object' || entry === null) return undefined;
  const conditions = entry as Readonly<Record<string, unknown>>;
  if (conditions['.'] !== undefined) return exportsEntry(conditions['.']);
  for (const [condition, target] of Object.entries(conditions)) {
    const found = condition === 'node' || condition === 'import' || condition === 'default' ? exportsEntry(target) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

/** `path.ts` … or `path/index.ts` …: the first that is a file. */
function moduleAt(path: string): string | undefined {
  return withExtension(path) ?? withExtension(join(path, 'index'));
}

function withExtension(path: string): string | undefined {
  return MODULE_EXTENSIONS.map((extension) => path + extension).find(isFile);
}

function isFile(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
  } catch {
    return false; // A name that no file can have: too long, or below something that is no folder.
  }
}

function nameOfPath(path: string, workdir: string): string {
  const inside = relative(workdir, path).replace(/\.[cm]?[jt]s$/, '');
  const parts = inside.startsWith('..') ? [basename(inside)] : inside.split(sep).filter((part) => part !== '');
  if (parts.length > 1 && parts.at(-1) === 'index') parts.pop();
  return parts.join('.');
}

function notFound(spec: string, looked: readonly string[], workdir: string): ConfigError {
  const places = spec.length > 80 ? [] : [...new Set(looked)];
  const listed = places.length === 0 ? 'it is no module name' : `looked for ${places.join(', ')} in ${workdir}`;
  const lookalike = closestName(spec, modulesIn(workdir)) ?? otherEnding(spec, workdir);
  const python = spec.endsWith('.py') ? '; Python’s modules are for celery, ctq loads JavaScript and TypeScript' : '';
  return new ConfigError(
    `cannot find the module ${JSON.stringify(spec.length > 80 ? `${spec.slice(0, 77)}...` : spec)}`,
    { hint: `${listed}${python}${lookalike === undefined ? '' : `; did you mean ${lookalike}?`}` },
    'CTQ_CONFIG_APP',
  );
}

/** `./tasks.js`, where there is a tasks.ts. */
function otherEnding(spec: string, workdir: string): string | undefined {
  const bare = spec.replace(/\.(?:[cm]?[jt]s|py)$/, '');
  return bare !== spec && moduleAt(resolve(workdir, bare)) !== undefined ? bare : undefined;
}

function modulesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((file) => (MODULE_EXTENSIONS as readonly string[]).includes(extname(file)))
      .map((file) => basename(file, extname(file)));
  } catch {
    return [];
  }
}
