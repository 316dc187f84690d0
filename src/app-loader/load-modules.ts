/** Imports the user's modules, compiled where they need it, and says in one line what went wrong. */
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, extname, join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { entryPoint } from '../entry-points.js';
import { ConfigError } from '../errors.js';
import { errorPlace } from './error-place.js';
import { compileModules } from './compile.js';
import { type Esbuild, ownCtqOf, readModuleGraph, untouchedFiles } from './module-graph.js';

export type ModuleExports = Readonly<Record<string, unknown>>;

export interface ModuleLoader {
  /**
   * Imports the files. A module that was imported before, or by another one, is the same instance.
   *
   * @throws {@link ConfigError} for a file that does not compile, or throws.
   */
  load(files: readonly string[]): Promise<ModuleExports[]>;
  /** What Node imports for a file: itself, or what it was compiled to. For processes that shall import the same. */
  placeOf(file: string): string | undefined;
  /** All that are known: source → what Node imports. */
  places(): readonly (readonly [file: string, place: string])[];
  /** Compiles once more what was compiled, to other places; imports nothing. @throws {@link ConfigError} */
  rebuild(): Promise<void>;
  /** Removes what was compiled. */
  close(): void;
}

export interface LoaderSetting {
  readonly workdir: string;
  /** Replaced in tests. */
  readonly importEsbuild?: () => Promise<Esbuild>;
}

export function createModuleLoader(setting: LoaderSetting): ModuleLoader {
  const ctqFile = fileURLToPath(entryPoint('index'));
  const ctqRoot = realpathSync(dirname(dirname(ctqFile)));
  const places = new Map<string, string>();
  const asked = new Set<string>();
  const outdated: OutputFolder[] = [];
  let output: OutputFolder | undefined;

  const compile = async (files: readonly string[]): Promise<void> => {
    const esbuild = await loadEsbuild(setting, files);
    const graph = await readModuleGraph(esbuild, files, setting.workdir);
    for (const file of untouchedFiles(graph, ctqRoot)) if (!places.has(file)) places.set(file, file);
    output ??= outputFolder();
    process.setSourceMapsEnabled(true);
    const compiled = await compileModules({ esbuild, graph, workdir: setting.workdir, folder: output.path, known: places, ctqFile });
    for (const [file, place] of compiled) places.set(file, place);
    // Its helper process would stay for as long as the worker runs.
    await esbuild.stop();
  };

  const runsAsItIs = (file: string): boolean => isPlainJavaScript(file) && ownCtqOf(file) === ctqRoot;
  const isUnknown = (file: string): boolean => !places.has(file);

  const load = async (given: readonly string[]): Promise<ModuleExports[]> => {
    const files = given.map((file) => realpathSync(file));
    for (const file of files) asked.add(file);
    if (!files.every((file) => !isUnknown(file) || runsAsItIs(file))) await compile(files.filter(isUnknown));
    const first = await importAll(files, places);
    if ('loaded' in first) return first.loaded;
    // A plain module that imports TypeScript: found out before anything of it has run.
    if (!needsCompiling(first.error) || !files.some(isUnknown)) throw importError(first.error, first.file, setting.workdir);
    await compile(files.filter(isUnknown));
    const second = await importAll(files, places);
    if ('loaded' in second) return second.loaded;
    throw importError(second.error, second.file, setting.workdir);
  };

  return {
    load,
    placeOf: (file) => places.get(realpathSync(file)),
    places: () => [...places],
    async rebuild() {
      if (output === undefined) return;
      const before = { output, places: [...places] };
      output = undefined;
      places.clear();
      try {
        await compile([...asked]);
        // Somebody may still import from there.
        outdated.push(before.output);
      } catch (error) {
        (output as OutputFolder | undefined)?.remove();
        output = before.output;
        for (const [file, place] of before.places) places.set(file, place);
        throw error;
      }
    },
    close() {
      for (const folder of [...outdated.splice(0), output]) folder?.remove();
      output = undefined;
    },
  };
}

/** Loads what another process has compiled. @throws {@link ConfigError} for a file that throws. */
export function importPlaces(places: ReadonlyMap<string, string>, workdir: string): Pick<ModuleLoader, 'load'> {
  if ([...places].some(([file, place]) => file !== place)) process.setSourceMapsEnabled(true);
  return {
    async load(given) {
      const imported = await importAll(
        given.map((file) => realpathSync(file)),
        places,
      );
      if ('loaded' in imported) return imported.loaded;
      throw importError(imported.error, imported.file, workdir);
    },
  };
}

type Imported = { readonly loaded: ModuleExports[] } | { readonly error: unknown; readonly file: string };

async function importAll(files: readonly string[], places: ReadonlyMap<string, string>): Promise<Imported> {
  const loaded: ModuleExports[] = [];
  for (const file of files) {
    try {
      loaded.push((await import(pathToFileURL(places.get(file) ?? file).href)) as ModuleExports);
    } catch (error) {
      return { error, file };
    }
  }
  return { loaded };
}

function isPlainJavaScript(file: string): boolean {
  return ['.js', '.mjs', '.cjs'].includes(extname(file));
}

function needsCompiling(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException | null | undefined)?.code;
  return code === 'ERR_UNKNOWN_FILE_EXTENSION' || code === 'ERR_MODULE_NOT_FOUND';
}

async function loadEsbuild(setting: LoaderSetting, files: readonly string[]): Promise<Esbuild> {
  try {
    return await (setting.importEsbuild?.() ?? import('esbuild'));
  } catch (error) {
    const first = files.find((file) => !isPlainJavaScript(file)) ?? files[0] ?? '';
    const what = isPlainJavaScript(first) ? 'cannot be loaded as it is' : 'is TypeScript';
    throw new ConfigError(
      `${relative(setting.workdir, first)} ${what}, and esbuild is not installed`,
      { hint: 'npm install esbuild, or name a compiled .js file', cause: error },
      'CTQ_CONFIG_DEPENDENCY',
    );
  }
}

/** The app that a module of tasks needs is not there yet, for its own module began by importing that one. */
const IMPORT_CIRCLE = /of undefined \(reading '(task|addPeriodicTask|conf)'\)|Cannot access '.+' before initialization/;

function importError(error: unknown, file: string, workdir: string): unknown {
  const shown = relative(workdir, file);
  const place = errorPlace(error, workdir);
  const at = place === undefined ? 'it threw while it was imported' : `at ${place}`;
  // An error of ours, such as an unknown setting in `new Ctq()`, says what to do already.
  const isOurs = error instanceof Error && 'hint' in error && typeof error.hint === 'string';
  const what =
    error instanceof Error ? `${isOurs ? '' : `${error.name}: `}${error.message.split('\n', 1)[0]}` : `it threw ${String(error)}`;
  const code = (error as NodeJS.ErrnoException | null | undefined)?.code;
  const circle = IMPORT_CIRCLE.test(what)
    ? `; where two modules import each other, name the one with the tasks in the app's include instead`
    : '';
  const hint = isOurs ? `${String(error.hint)}; ${at}` : code === 'ERR_MODULE_NOT_FOUND' ? 'is it installed?' : `${at}${circle}`;
  return new ConfigError(`${shown} failed while it was loaded: ${what}`, { hint, cause: error }, 'CTQ_CONFIG_APP');
}

interface OutputFolder {
  readonly path: string;
  remove(): void;
}

/**
 * A folder that only we can write, for Node runs what is in it. What killed processes left is swept. The
 * name `node_modules` is for Node 22.12, which warns of a `require()` of an ES module elsewhere.
 */
function outputFolder(): OutputFolder {
  const uid = process.getuid?.() ?? 0;
  const parent = join(tmpdir(), `ctq-modules-${uid}`);
  mkdirSync(parent, { recursive: true, mode: 0o700 });
  const found = lstatSync(parent);
  const isOurs = found.isDirectory() && found.uid === uid && (found.mode & 0o077) === 0;
  if (isOurs) sweep(parent);
  const home = mkdtempSync(join(isOurs ? parent : tmpdir(), `${process.pid}-`));
  const path = join(home, 'node_modules');
  mkdirSync(path);
  const remove = (): void => {
    process.off('exit', remove);
    rmSync(home, { recursive: true, force: true });
  };
  process.on('exit', remove);
  return { path, remove };
}

function sweep(parent: string): void {
  for (const name of readdirSync(parent)) {
    const pid = Number.parseInt(name, 10);
    if (pid > 0 && !isAlive(pid)) rmSync(join(parent, name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
