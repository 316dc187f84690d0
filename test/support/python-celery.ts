/** The other end of the wire: a real Celery, from a Python that has it. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Ending, OwnedProcess } from './owned-process.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const fixtures = join(root, 'test', 'support', 'python');

const found = new Map<string, string | undefined>();

/** A Python that can `import celery, redis`; undefined when there is none. On a pyenv machine the first `python3` is often the wrong one. */
export function findCeleryPython(): string | undefined {
  return findPythonWith('celery, redis');
}

/** The same with Flask, for the example that has a web page. */
export function findFlaskPython(): string | undefined {
  return findPythonWith('celery, redis, flask');
}

/** The same with Django, for the page about it. */
export function findDjangoPython(): string | undefined {
  return findPythonWith('celery, redis, django');
}

/** The same with what its signed messages need. */
export function findCryptographyPython(): string | undefined {
  return findPythonWith('celery, redis, cryptography');
}

/** Whether that Python can import this, too. */
export function pythonHas(module: string): boolean {
  const python = findCeleryPython();
  return python !== undefined && imports(python, module);
}

function findPythonWith(modules: string): string | undefined {
  if (!found.has(modules))
    found.set(
      modules,
      candidates().find((python) => imports(python, modules)),
    );
  return found.get(modules);
}

function candidates(): string[] {
  const fromPath = (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, 'python3'));
  const named = process.env['CTQ_TEST_PYTHON'];
  return [...(named ? [named] : []), join(root, '.venv-test', 'bin', 'python'), '/usr/bin/python3', ...fromPath].filter((path) =>
    existsSync(path),
  );
}

function imports(python: string, modules: string): boolean {
  try {
    execFileSync(python, ['-c', `import ${modules}`], { stdio: 'ignore', timeout: 60_000 });
    return true;
  } catch {
    return false;
  }
}

/** Where the Python side finds its broker; `conf` holds further Celery settings in Python's spelling. */
export interface PythonCeleryOptions {
  readonly broker: string;
  readonly backend?: string;
  readonly conf?: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, string>>;
}

export interface CeleryWorkerOptions extends PythonCeleryOptions {
  readonly queues?: readonly string[];
  /** Further arguments of `celery worker`. */
  readonly args?: readonly string[];
  /** Default 1. */
  readonly concurrency?: number;
  /** Default prefork, Celery's own. */
  readonly pool?: 'prefork' | 'solo' | 'threads';
  /** Default `py<n>@test`. */
  readonly hostname?: string;
  /** Folder with another `tasks.py`. */
  readonly cwd?: string;
}

/** A Python worker that has said `ready.` */
export interface CeleryWorker {
  readonly process: OwnedProcess;
  readonly pid: number;
  readonly hostname: string;
  readonly output: string;
  /** SIGTERM: warm shutdown. */
  stop(): Promise<Ending>;
  /** SIGKILL to the worker and its pool. */
  kill(): Promise<Ending>;
}

let workers = 0;

/** Starts `celery worker` on the tasks of `test/support/python/tasks.py`; resolves when it is ready. */
export async function startCeleryWorker(options: CeleryWorkerOptions): Promise<CeleryWorker> {
  const hostname = options.hostname ?? `py${process.pid}x${++workers}@test`;
  const worker = new OwnedProcess(
    requirePython(),
    [
      ...['-m', 'celery', '-A', 'tasks', 'worker', '-l', 'INFO', '-n', hostname],
      ...['-c', String(options.concurrency ?? 1), '-P', options.pool ?? 'prefork'],
      ...(options.queues === undefined ? [] : ['-Q', options.queues.join(',')]),
      ...(options.args ?? []),
    ],
    { cwd: options.cwd ?? fixtures, env: pythonEnvironment(options) },
  );
  await worker.waitForOutput(/ ready\.\s/, 60_000);
  return {
    process: worker,
    pid: worker.pid,
    hostname,
    get output() {
      return worker.output;
    },
    stop: () => worker.stop('SIGTERM', 30_000),
    kill: () => worker.kill(),
  };
}

/** Runs a snippet that a caller wrote in Python; the snippet prints nothing and leaves its answer in `result`. */
const RUNNER = `
import json, os, sys
from tasks import *
from celery.result import AsyncResult, GroupResult
_scope = dict(globals())
_stdout = sys.stdout
sys.stdout = sys.stderr
exec(compile(os.environ["CTQ_TEST_SNIPPET"], "snippet", "exec"), _scope)
_stdout.write(json.dumps(_scope.get("result"), default=repr))
`;

/**
 * Runs Python with the Celery app (`app`, the tasks by name, `AsyncResult`) at hand and gives what the
 * snippet left in the variable `result`, as JSON (what JSON cannot say, as its `repr`).
 *
 * @throws with Python's traceback when the snippet fails.
 */
export async function runPython(snippet: string, options: PythonCeleryOptions & { readonly timeoutMs?: number }): Promise<unknown> {
  const script = new OwnedProcess(requirePython(), ['-c', RUNNER], {
    cwd: fixtures,
    env: { ...pythonEnvironment(options), CTQ_TEST_SNIPPET: dedent(snippet) },
  });
  const { code } = await script.waitForExit(options.timeoutMs ?? 60_000);
  if (code !== 0) throw new Error(`the Python snippet failed:\n${script.stderr}`);
  return JSON.parse(script.stdout) as unknown;
}

/** Runs a program of `test/support/python/` that reads JSON and answers in JSON. */
export async function runPythonProgram(file: string, input: unknown): Promise<unknown> {
  const program = new OwnedProcess(requirePython(), [join(fixtures, file)], {
    env: pythonEnvironment({ broker: 'memory://' }),
    input: JSON.stringify(input),
  });
  const { code } = await program.waitForExit(60_000);
  if (code !== 0) throw new Error(`${file} failed:\n${program.stderr}`);
  return JSON.parse(program.stdout) as unknown;
}

export function requirePython(): string {
  const python = findCeleryPython();
  if (python === undefined) {
    throw new Error(
      'no Python can import celery and redis: run "node tools/setup.mjs --test", or guard the suite with describeWith("python", …)',
    );
  }
  return python;
}

export function pythonEnvironment(options: PythonCeleryOptions): NodeJS.ProcessEnv {
  const washed = Object.entries(process.env).filter(([name]) => !/^(CTQ|CELERY|PYTHON)/.test(name));
  return {
    ...Object.fromEntries(washed),
    PYTHONPATH: fixtures,
    PYTHONDONTWRITEBYTECODE: '1',
    PYTHONUNBUFFERED: '1',
    // Celery warns at each start of a worker that runs as root, as containers do.
    PYTHONWARNINGS: 'ignore',
    CTQ_TEST_BROKER: options.broker,
    CTQ_TEST_BACKEND: options.backend ?? '',
    CTQ_TEST_CONF: JSON.stringify(options.conf ?? {}),
    ...options.env,
  };
}

function dedent(text: string): string {
  const lines = text.split('\n');
  const margin = Math.min(...lines.filter((line) => line.trim() !== '').map((line) => line.length - line.trimStart().length));
  return lines.map((line) => line.slice(margin)).join('\n');
}
