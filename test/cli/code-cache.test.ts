/** What bin/front.js keeps between starts on Node 20, and when it must not be trusted. Whatever it is, the command works. */
import {
  appendFileSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import module from 'node:module';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { projectRoot } from '../support/ctq-process.js';
import { OwnedProcess } from '../support/owned-process.js';
import { NOT_ROOT, testUnless } from '../support/requires.js';
import { tmpFolder } from '../support/tmp.js';

const FRONT = join('dist', 'cli', 'main.cjs');
let root: string;
let kept: string;

beforeEach(() => {
  root = tmpFolder();
  kept = join(root, `${FRONT}.cache`);
  for (const file of ['package.json', join('bin', 'ctq.js'), join('bin', 'front.js'), join('bin', 'package.json'), FRONT]) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    copyFileSync(join(projectRoot, file), join(root, file));
  }
});

async function ctq(words: readonly string[], env: Record<string, string> = {}): Promise<number | null> {
  const { NODE_OPTIONS: _, NODE_V8_COVERAGE: __, ...clean } = process.env;
  const run = new OwnedProcess(process.execPath, [join(root, 'bin', 'ctq.js'), ...words], { env: { ...clean, ...env }, cwd: root });
  return (await run.waitForExit()).code;
}

const send = (env?: Record<string, string>): Promise<number | null> => ctq(['send', 'tasks.add', '-b', 'memory://'], env);

function kinds(): string[] {
  const text = readFileSync(kept).toString('latin1');
  return (JSON.parse(text.slice(0, text.indexOf('\n'))) as { kinds: string[] }).kinds;
}

const version = (): number => statSync(kept).ino;

describe.skipIf('enableCompileCache' in module)('compiled code that is kept', () => {
  it('is taken by the next start, and grows with each kind of start', async () => {
    expect(await send()).toBe(0);
    expect(kinds()).toEqual(['send memory:']);
    const first = version();
    expect(await send()).toBe(0);
    expect(version()).toBe(first);
    expect(await ctq(['send', '--help'])).toBe(0);
    expect(kinds()).toEqual(['send memory:', 'send ']);
    expect(readdirSync(dirname(kept)).sort()).toEqual(['main.cjs', 'main.cjs.cache']);
  });

  it('is left behind by a new build', async () => {
    await send();
    appendFileSync(join(root, FRONT), '\n// Something else.\n');
    expect(await ctq(['send', '--help'])).toBe(0);
    expect(kinds()).toEqual(['send ']);
  });

  it.each([
    ['a byte of it is wrong', (bytes: Buffer) => bytes.writeUInt8(bytes.readUInt8(5_000) ^ 0x55, 5_000)],
    ['it ends too soon', (bytes: Buffer) => bytes.subarray(0, 9_000)],
    ['it is empty', () => Buffer.alloc(0)],
    ['it is something else', () => Buffer.from('{}\n')],
  ])('is made again when %s', async (_, spoil) => {
    await send();
    const bytes = readFileSync(kept);
    const spoilt = spoil(bytes);
    writeFileSync(kept, Buffer.isBuffer(spoilt) ? spoilt : bytes);
    const before = readFileSync(kept);
    expect(await send()).toBe(0);
    expect(readFileSync(kept).equals(before)).toBe(false);
    expect(kinds()).toEqual(['send memory:']);
  });

  testUnless(NOT_ROOT, 'is not taken from a user who could not change the program', async () => {
    await send();
    const first = version();
    chownSync(kept, 12_345, 12_345);
    expect(await send()).toBe(0);
    expect(version()).not.toBe(first);
    expect(statSync(kept).uid).toBe(0);
  });

  it('is not written by a start that failed, or where that is not wanted', async () => {
    expect(await ctq(['send'])).toBe(2);
    expect(await send({ NODE_DISABLE_COMPILE_CACHE: '1' })).toBe(0);
    expect(await send({ NODE_OPTIONS: '--no-warnings' })).toBe(0);
    expect(existsSync(kept)).toBe(false);
  });

  it('is done without where it cannot be written', async () => {
    mkdirSync(kept);
    expect(await send()).toBe(0);
    expect(readdirSync(dirname(kept)).sort()).toEqual(['main.cjs', 'main.cjs.cache']);
  });
});
