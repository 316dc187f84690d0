import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadConfig, type LoadedConfig } from '../../../src/cli/config-file.js';
import { ConfigError } from '../../../src/errors.js';
import { tmpFolder } from '../../support/tmp.js';

interface Question {
  readonly below?: string;
  readonly file?: string;
  readonly env?: Readonly<Record<string, string>>;
}

function load(files: Readonly<Record<string, string>>, { below = '.', file, env = {} }: Question = {}): Promise<LoadedConfig> {
  const workdir = join(tmpFolder(files), below);
  mkdirSync(workdir, { recursive: true });
  return loadConfig({ file, workdir, env });
}

async function complaint(files: Readonly<Record<string, string>>, question: Question = {}): Promise<string> {
  const error = await load(files, question).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(ConfigError);
  const { message, hint } = error as ConfigError;
  expect(message).not.toContain('\n');
  return `${message} (${hint})`;
}

function queueOf(config: LoadedConfig): unknown {
  return config.layer.get('taskDefaultQueue')?.value;
}

describe('the config file', () => {
  const object = 'export default { taskDefaultQueue: "found" };';
  it.each([
    ['package.json', '{"name": "x", "ctq": {"taskDefaultQueue": "found"}}'],
    ['.ctqrc', '{"taskDefaultQueue": "found"}'],
    ['.ctqrc', 'task_default_queue: found\n'],
    ['.ctqrc.json', '{"taskDefaultQueue": "found"}'],
    ['.ctqrc.yaml', 'taskDefaultQueue: found'],
    ['.ctqrc.yml', '# nothing but\ntaskDefaultQueue: found'],
    ['.ctqrc.js', 'module.exports = { taskDefaultQueue: "found" };'],
    ['.ctqrc.cjs', 'module.exports = { taskDefaultQueue: "found" };'],
    ['.ctqrc.mjs', object],
    ['.ctqrc.ts', 'import { defineConfig } from "ctq";\nexport default defineConfig({ taskDefaultQueue: "found" as string });'],
    ['ctq.config.ts', 'enum Queue { A = "found" }\nexport default { taskDefaultQueue: Queue.A };'],
    ['ctq.config.mts', object],
    ['ctq.config.js', 'module.exports = { taskDefaultQueue: "found" };'],
    ['ctq.config.mjs', `import { defineConfig } from "ctq";\n${object}`],
    ['ctq.config.cjs', 'module.exports = { taskDefaultQueue: "found" };'],
  ])('may be %s', async (name, content) => {
    const config = await load({ [name]: content });
    expect(queueOf(config)).toBe('found');
    expect(config.file).toBe(name === 'package.json' ? 'package.json#ctq' : name);
  });

  it('is looked for upwards, and the nearest one counts', async () => {
    const files = { '.ctqrc.json': '{"taskDefaultQueue": "top"}', 'a/.ctqrc.yaml': 'taskDefaultQueue: near', 'a/b/package.json': '{}' };
    const config = await load(files, { below: 'a/b/c' });
    expect(queueOf(config)).toBe('near');
    expect(config.folder).toMatch(/\/a$/);
    expect(config.file).toMatch(/\/a\/\.ctqrc\.yaml$/);
  });

  it('of one folder is the first in the order of the contract', async () => {
    const files = { 'ctq.config.mjs': 'export default { taskDefaultQueue: "last" };', '.ctqrc': 'taskDefaultQueue: first' };
    expect(queueOf(await load(files))).toBe('first');
    expect(queueOf(await load({ ...files, 'package.json': '{"ctq": {"taskDefaultQueue": "package"}}' }))).toBe('package');
  });

  it('may be named by --config, or by CTQ_CONFIG', async () => {
    const files = { '.ctqrc': 'taskDefaultQueue: found', 'a.json': '{"taskDefaultQueue": "flag"}', 'b.yaml': 'taskDefaultQueue: variable' };
    expect(queueOf(await load(files, { file: 'a.json', env: { CTQ_CONFIG: 'b.yaml' } }))).toBe('flag');
    expect(queueOf(await load(files, { env: { CTQ_CONFIG: 'b.yaml' } }))).toBe('variable');
    expect(queueOf(await load(files, { env: { CTQ_CONFIG: '' } }))).toBe('found');
  });

  it('may be empty, or not be there', async () => {
    for (const files of [{}, { '.ctqrc': '' }, { '.ctqrc.json': ' \n' }, { '.ctqrc.yaml': '# nothing\n' }]) {
      expect((await load(files)).layer.size).toBe(0);
    }
    expect((await load({})).file).toBeUndefined();
  });

  it('remembers from which key a value came', async () => {
    const config = await load({ '.ctqrc': 'task_default_queue: x' });
    expect(config.layer.get('taskDefaultQueue')?.source).toBe('file .ctqrc, key task_default_queue');
  });

  it('names the app, for all commands or for one', async () => {
    const config = await load({ '.ctqrc': 'app: tasks\nworker: { app: "worker:app", concurrency: 3 }' });
    expect([config.appFor('worker'), config.appFor('send')]).toEqual(['worker:app', 'tasks']);
    expect(config.commandDefaults('worker')).toEqual({ app: 'worker:app', concurrency: 3 });
    expect(config.commandDefaults('send')).toBeUndefined();
  });

  it('may be a promise', async () => {
    expect(queueOf(await load({ 'ctq.config.mjs': 'export default Promise.resolve({ taskDefaultQueue: "later" });' }))).toBe('later');
  });
});

describe('a config file with a mistake', () => {
  it.each([
    ['.ctqrc.json', '{"brokrUrl": "x"}', '.ctqrc.json: unknown setting "brokrUrl" (did you mean brokerUrl?)'],
    ['.ctqrc.json', '{\n  "brokerUrl": }', '.ctqrc.json:2:16: Expecting value (it is no JSON'],
    ['.ctqrc.json', '{"brokerUrl": "x"', '.ctqrc.json:1:18: '],
    ['.ctqrc.yaml', 'a: [1\nb: 2', '.ctqrc.yaml:2:'],
    ['.ctqrc', 'a: b: c', '.ctqrc:1:'],
    ['.ctqrc.json', '[1, 2]', '.ctqrc.json holds a list (it must hold an object of settings)'],
    ['.ctqrc.json', '"text"', '.ctqrc.json holds "text" (it must hold an object of settings)'],
    ['package.json', '{"ctq": 3}', 'package.json#ctq holds 3'],
    ['ctq.config.mjs', 'export const config = {};', 'ctq.config.mjs has no default export (export default defineConfig({ … }))'],
    ['ctq.config.mjs', 'export default () => ({});', 'ctq.config.mjs holds a function'],
    ['ctq.config.ts', 'export default { a: = 1 };', 'ctq.config.ts:1:21: Unexpected "=" (correct the file)'],
    ['ctq.config.ts', 'throw new Error("no");', 'ctq.config.ts failed while it was loaded: Error: no'],
    ['.ctqrc.yaml', 'worker: 3', '.ctqrc.yaml: worker is 3 (it must be an object'],
    ['.ctqrc.yaml', 'app: 3', '.ctqrc.yaml: app is 3 (it must be a module'],
    [
      '.ctqrc.yaml',
      'worker_concurrency: many',
      '.ctqrc.yaml: worker_concurrency is "many" (it must be a whole number of at least 1, or null)',
    ],
    ['.ctqrc.yaml', '__proto__: {}', '.ctqrc.yaml: unknown setting "__proto__"'],
  ])('%s holding %j is refused in one line', async (name, content, expected) => {
    expect(await complaint({ [name]: content })).toContain(expected);
  });

  it('that was named is refused when it is not there, or cannot be read', async () => {
    expect(await complaint({}, { file: 'no.json' })).toMatch(/^--config: there is no file .*no\.json \(check the path/);
    expect(await complaint({}, { env: { CTQ_CONFIG: 'no.json' } })).toMatch(/^CTQ_CONFIG: there is no file/);
    expect(await complaint({ 'a.toml': 'x = 1' }, { file: 'a.toml' })).toContain(
      'a.toml: cannot read a .toml file (use .json, .yaml, .ts or .js)',
    );
    expect(await complaint({ 'folder/x': '' }, { file: 'folder' })).toContain('folder');
  });
});
