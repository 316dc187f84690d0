/** `npm run test:promises` takes long; that its list fits the source is known at once. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { projectRoot } from '../support/ctq-process.js';

interface BrokenPromise {
  readonly promise: string;
  readonly file: string;
  readonly find: string;
  readonly tests: readonly string[];
}

it('each promise that is broken on purpose stands where the list says, beside tests that are there', async () => {
  const list = new URL('broken-promises.mjs', import.meta.url).href;
  const { BROKEN_PROMISES } = (await import(list)) as { BROKEN_PROMISES: readonly BrokenPromise[] };
  expect(BROKEN_PROMISES.length).toBeGreaterThan(20);
  const wrong = BROKEN_PROMISES.filter(({ file, find, tests }) => {
    const pieces = readFileSync(join(projectRoot, file), 'utf8').split(find).length;
    return pieces !== 2 || !tests.every((test) => existsSync(join(projectRoot, test)));
  });
  expect(wrong.map(({ promise }) => promise)).toEqual([]);
});
