/**
 * Finds the app behind `-A`: loads the module, TypeScript or not, and looks for a `Ctq` among its
 * exports. A module without one is an app of its own, each exported function a task.
 */
import { Ctq, isCtq } from './ctq.js';
import { ConfigError } from './errors.js';
import { type FoundModule, findModule } from './app-loader/find-module.js';
import { createModuleLoader, importPlaces, type LoaderSetting, type ModuleExports, type ModuleLoader } from './app-loader/load-modules.js';
import type { AppAddress } from './pool.js';
import type { TaskFunction } from './task.js';

export { createModuleLoader, type ModuleLoader } from './app-loader/load-modules.js';

export interface LoadedApp {
  readonly app: Ctq;
  /** The module that was named, for the banner. */
  readonly module: FoundModule;
  readonly loader: ModuleLoader;
  /** For processes that load it again. */
  readonly address: AppAddress;
  /** The same after compiling everything once more, for those that shall load what the sources are now. @throws {@link ConfigError} */
  readonly rebuild: () => Promise<AppAddress>;
}

export interface LoadAppOptions extends LoaderSetting {
  /** More modules to import (`-I`), compiled in the same go. */
  readonly include?: readonly string[];
}

/**
 * @param spec - What stands behind `-A`: `tasks`, `proj.tasks`, `worker:app`.
 * @throws {@link ConfigError} when there is no such module or export, or it does not load.
 */
export async function loadApp(spec: string, options: LoadAppOptions): Promise<LoadedApp> {
  const module = findModule(spec, options.workdir);
  const included = (options.include ?? []).map((name) => findModule(name, options.workdir));
  const loader = createModuleLoader(options);
  try {
    const app = await assemble(module, included, loader, options.workdir);
    const address = (): AppAddress => ({ workdir: options.workdir, module, included, places: loader.places() });
    return {
      app,
      module,
      loader,
      address: address(),
      async rebuild() {
        await loader.rebuild();
        return address();
      },
    };
  } catch (error) {
    loader.close();
    throw error;
  }
}

/**
 * Loads an app that another process has loaded, from what that made of it.
 *
 * @throws {@link ConfigError} when it does not load here.
 */
export async function reopenApp({ workdir, module, included, places }: AppAddress): Promise<{ readonly app: Ctq }> {
  return { app: await assemble(module, included, importPlaces(new Map(places), workdir), workdir) };
}

async function assemble(
  module: FoundModule,
  included: readonly FoundModule[],
  loader: Pick<ModuleLoader, 'load'>,
  workdir: string,
): Promise<Ctq> {
  const [exported = {}, ...others] = await loader.load([module.file, ...included.map(({ file }) => file)]);
  const app = findApp(module, exported);
  included.forEach((one, index) => addFunctions(app, one, others[index] ?? {}));
  await loadOwnIncludes(app, loader, workdir);
  return app;
}

/** `imports` and `include` of the app's settings: known only now that it has run. */
async function loadOwnIncludes(app: Ctq, loader: Pick<ModuleLoader, 'load'>, workdir: string): Promise<void> {
  const names = [...new Set([...app.conf.imports, ...app.conf.include])];
  if (names.length === 0) return;
  const modules = names.map((name) => findModule(name, workdir));
  const loaded = await loader.load(modules.map(({ file }) => file));
  modules.forEach((one, index) => addFunctions(app, one, loaded[index] ?? {}));
}

function findApp(module: FoundModule, exported: ModuleExports): Ctq {
  const values = withDefaultObject(exported);
  if (module.symbol !== undefined) return namedApp(module, module.symbol, values);
  for (const habit of ['app', 'celery', 'default']) {
    const value = values[habit];
    if (isCtq(value)) return value;
  }
  const found = new Map(Object.entries(values).flatMap(([name, value]) => (isCtq(value) ? [[value, name] as const] : [])));
  const [first, ...more] = found.keys();
  if (first !== undefined && more.length === 0) return first;
  if (first !== undefined) {
    const names = [...found.values()].map((name) => `${module.name}:${name}`);
    throw appError(`${module.name} exports several apps`, `name one: ${names.map((name) => `-A ${name}`).join(' or ')}`);
  }
  return appOfTasks(values) ?? appOfFunctions(module, values);
}

function namedApp(module: FoundModule, symbol: string, values: ModuleExports): Ctq {
  let value: unknown = values;
  for (const part of symbol.split('.')) value = (value as Readonly<Record<string, unknown>> | null | undefined)?.[part];
  if (isCtq(value)) return value;
  const others = Object.keys(values).filter((name) => isCtq(values[name]));
  const exists = value === undefined ? 'has no export' : 'exports no app as';
  throw appError(
    `${module.file} ${exists} ${JSON.stringify(symbol)}`,
    others.length > 0 ? `it has ${others.map((name) => `${module.name}:${name}`).join(', ')}` : 'export one: export const app = new Ctq(…)',
  );
}

/** Tasks of an app that lives in another file. */
function appOfTasks(values: ModuleExports): Ctq | undefined {
  for (const value of Object.values(values)) {
    const sender = isTask(value) ? value.sender : undefined;
    if (isCtq(sender)) return sender;
  }
  return undefined;
}

function appOfFunctions(module: FoundModule, values: ModuleExports): Ctq {
  const app = new Ctq(module.name);
  addFunctions(app, module, values);
  if (app.tasks.size > 0) return app;
  throw appError(`${module.file} exports neither an app nor a function`, 'export const app = new Ctq(…), or functions to be tasks');
}

/** Functions of a module that has no app and no tasks: `f` of `proj.tasks` becomes `proj.tasks.f`. */
function addFunctions(app: Ctq, module: FoundModule, exported: ModuleExports): void {
  const values = withDefaultObject(exported);
  if (Object.values(values).some((value) => isCtq(value) || isTask(value))) return;
  for (const [key, value] of Object.entries(values)) {
    if (typeof value !== 'function' || isClass(value)) continue;
    const own = key === 'default' ? value.name : key;
    const name = `${module.name}.${own}`;
    if (own !== '' && own !== 'default' && own !== 'module.exports' && !app.tasks.has(name)) app.task(name, value as TaskFunction);
  }
}

/** `module.exports = { add }` and `export default { add }` mean the same as named exports. */
function withDefaultObject(exported: ModuleExports): ModuleExports {
  const whole = exported['default'];
  const isBag =
    typeof whole === 'object' && whole !== null && !isCtq(whole) && !isTask(whole) && Object.getPrototypeOf(whole) === Object.prototype;
  return isBag ? { ...(whole as ModuleExports), ...exported } : exported;
}

function isTask(value: unknown): value is { readonly sender: unknown } {
  return (typeof value === 'object' || typeof value === 'function') && value !== null && 'sender' in value && 'applyAsync' in value;
}

function isClass(value: unknown): boolean {
  return /^class\b/.test(Function.prototype.toString.call(value));
}

function appError(message: string, hint: string): ConfigError {
  return new ConfigError(message, { hint }, 'CTQ_CONFIG_APP');
}
