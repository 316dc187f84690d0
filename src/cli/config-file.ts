/**
 * The config file: found from the working directory upwards, read, and checked. We look for it
 * ourselves and leave the reading to cosmiconfig: most calls have no config file, and loading
 * cosmiconfig is a sixth of what a start may cost.
 */
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, extname, isAbsolute, join, relative, resolve } from 'node:path';
import { type Environment, firstFilled, readLayer, type SettingsLayer } from '../config/resolve.js';
import { isPlainObject } from '../config/validate.js';
import { showValue } from '../config/shown-value.js';
import { ConfigError } from '../errors.js';
import { parseJson } from '../protocol/kombu-json.js';
import { commands } from './commands/index.js';
import { isCtqError } from './exit-codes.js';

export interface LoadedConfig {
  /** As errors name it; undefined when there is none. */
  readonly file: string | undefined;
  readonly layer: SettingsLayer;
  /** The key `app` of the file, or of the command's part of it. */
  appFor(command: string): string | undefined;
  /** The part of the file named like the command. */
  commandDefaults(command: string): Readonly<Record<string, unknown>> | undefined;
  /** Where `.ctq/ctq.db` stands: beside the file, else the working directory. */
  readonly folder: string;
}

export interface ConfigQuestion {
  /** `--config`. */
  readonly file: string | undefined;
  readonly workdir: string;
  readonly env: Environment;
}

const RC_FILES = ['', '.json', '.yaml', '.yml', '.js', '.cjs', '.mjs', '.ts'].map((extension) => `.ctqrc${extension}`);
const CONFIG_FILES = ['.ts', '.mts', '.js', '.mjs', '.cjs'].map((extension) => `ctq.config${extension}`);
/** In the order in which they win within one folder. */
const SEARCH_PLACES = ['package.json', ...RC_FILES, ...CONFIG_FILES];

/**
 * @throws {@link ConfigError} naming the file, the key and the remedy.
 */
export async function loadConfig(question: ConfigQuestion): Promise<LoadedConfig> {
  const path = namedFile(question) ?? findFile(question.workdir);
  if (path === undefined) return interpret({}, undefined, question.workdir);
  const shown = shownPath(path, question.workdir);
  return interpret(await readConfig(path, shown, question.workdir), shown, dirname(path));
}

function namedFile(question: ConfigQuestion): string | undefined {
  const variable = firstFilled(question.env, ['CTQ_CONFIG']);
  const given = question.file ?? (variable === undefined ? undefined : question.env[variable]);
  if (given === undefined) return undefined;
  const path = resolve(question.workdir, given);
  const what = question.file === undefined ? variable : '--config';
  if (!existsSync(path))
    throw fileError(`${what}: there is no file ${path}`, 'check the path; relative ones start at the working directory');
  return path;
}

/** The nearest folder with a config file in it, up to the home folder or the root. */
function findFile(workdir: string): string | undefined {
  const home = homedir();
  for (let folder = workdir; ; folder = dirname(folder)) {
    // By name, not by listing: a folder such as /tmp may hold thousands of files.
    const found = SEARCH_PLACES.map((name) => join(folder, name)).find(
      (path) => existsSync(path) && (!path.endsWith('package.json') || hasCtqKey(path)),
    );
    if (found !== undefined) return found;
    if (folder === home || dirname(folder) === folder) return undefined;
  }
}

function hasCtqKey(packageJson: string): boolean {
  try {
    const text = readFileSync(packageJson, 'utf8');
    return text.includes('"ctq"') && isPlainObject(JSON.parse(text)) && 'ctq' in (JSON.parse(text) as object);
  } catch {
    return false; // Not ours to complain about.
  }
}

async function readConfig(path: string, shown: string, workdir: string): Promise<unknown> {
  const { cosmiconfig, defaultLoaders } = await import('cosmiconfig');
  const loadModule = (file: string): Promise<unknown> => loadConfigModule(file, shown, workdir);
  const json = (file: string, text: string): unknown => located(shown, text, () => parseConfigJson(text), file);
  const yaml = (file: string, text: string): unknown => located(shown, text, () => defaultLoaders['.yaml'](file, text) as unknown, file);
  const modules = Object.fromEntries([...MODULE_FILES].map((extension) => [extension, loadModule]));
  const explorer = cosmiconfig('ctq', {
    searchPlaces: SEARCH_PLACES,
    loaders: { ...modules, '.json': json, '.yaml': yaml, '.yml': yaml, noExt: yaml },
    cache: false,
  });
  try {
    const found = await explorer.load(path);
    return found === null || found.isEmpty === true ? {} : (found.config as unknown);
  } catch (error) {
    if (isCtqError(error)) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'EACCES') throw fileError(`${shown}: permission denied`, 'make it readable for this user', error);
    if (code === 'EISDIR') throw fileError(`${shown} is a folder`, 'name the file in it', error);
    if (message.startsWith('No loader specified')) {
      throw fileError(`${shown}: cannot read a ${extname(path) || basename(path)} file`, 'use .json, .yaml, .ts or .js', error);
    }
    throw fileError(`${shown}: ${message.split('\n', 1)[0]}`, 'correct the file', error);
  }
}

const MODULE_FILES = new Set(['.ts', '.mts', '.cts', '.js', '.mjs', '.cjs']);

async function loadConfigModule(file: string, shown: string, workdir: string): Promise<unknown> {
  const { createModuleLoader } = await import('../app-loader.js');
  const loader = createModuleLoader({ workdir });
  try {
    const [exported = {}] = await loader.load([file]);
    if (!('default' in exported)) throw fileError(`${shown} has no default export`, 'export default defineConfig({ … })');
    return await exported['default'];
  } finally {
    loader.close();
  }
}

function parseConfigJson(text: string): unknown {
  const clean = text.replace(/^\uFEFF/, '');
  try {
    return JSON.parse(clean);
  } catch {
    // Node 20 does not say where; our own reader does, in Python's words.
    return parseJson(clean);
  }
}

/** Runs a parser and says where it stumbled: `ctq.json:3:1: Expecting value`. */
function located(shown: string, text: string, parse: () => unknown, file: string): unknown {
  if (text.trim() === '') return {};
  try {
    return parse();
  } catch (error) {
    const { mark, reason, message } = error as { mark?: { line: number; column: number }; reason?: string; message: string };
    const [, line, column] = /line (\d+) column (\d+)/.exec(message) ?? [];
    const place = mark !== undefined ? `:${mark.line + 1}:${mark.column + 1}` : line !== undefined ? `:${line}:${column}` : '';
    const kind = extname(file) === '.json' ? 'JSON' : 'YAML';
    const what = (reason ?? message).split('\n', 1)[0]?.replace(/:? line \d+ column.*/, '');
    throw fileError(`${shown}${place}: ${what}`, `it is no ${kind}; correct it there`, error);
  }
}

function interpret(content: unknown, file: string | undefined, folder: string): LoadedConfig {
  const name = file ?? '';
  if (content === null || content === undefined) return interpret({}, file, folder);
  if (!isPlainObject(content)) {
    throw fileError(`${name} holds ${Array.isArray(content) ? 'a list' : showValue(content)}`, 'it must hold an object of settings');
  }
  const sections = new Map<string, Readonly<Record<string, unknown>>>();
  const settings: [string, unknown][] = [];
  let app: string | undefined;
  for (const [key, value] of Object.entries(content)) {
    if (key === 'app') app = readApp(value, `${name}: app`);
    else if (commands.some((command) => command.name === key)) {
      if (!isPlainObject(value)) {
        throw new ConfigError(`${name}: ${key} is ${showValue(value)}`, { hint: `it must be an object: ${key}: { option: value }` });
      }
      sections.set(key, value);
    } else settings.push([key, value]);
  }
  return {
    file,
    // fromEntries makes `__proto__` a key like others, which is then unknown.
    layer: readLayer(Object.fromEntries(settings), name, `file ${name}`),
    appFor(command) {
      const own = sections.get(command)?.['app'];
      return own === undefined ? app : readApp(own, `${name}: ${command}.app`);
    },
    commandDefaults: (command) => sections.get(command),
    folder,
  };
}

function readApp(value: unknown, where: string): string {
  if (typeof value === 'string' && value !== '') return value;
  throw new ConfigError(`${where} is ${showValue(value)}`, { hint: "it must be a module's name, such as tasks or worker:app" });
}

function shownPath(path: string, workdir: string): string {
  const inside = relative(workdir, path);
  const isPackage = basename(path) === 'package.json';
  const shown = inside === '' || inside.startsWith('..') || isAbsolute(inside) ? path : inside;
  return isPackage ? `${shown}#ctq` : shown;
}

function fileError(message: string, hint: string, cause?: unknown): ConfigError {
  return new ConfigError(message, cause === undefined ? { hint } : { hint, cause }, 'CTQ_CONFIG_FILE');
}
