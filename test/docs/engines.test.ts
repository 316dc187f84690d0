/** docs/engines.md names every engine and every suite that holds one. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openBroker } from '../../src/brokers/index.js';
import { ConfigError } from '../../src/errors.js';
import { openResultBackend } from '../../src/result-backends/index.js';
import { projectRoot } from '../support/ctq-process.js';

const page = readFileSync(join(projectRoot, 'docs', 'engines.md'), 'utf8');
const [, brokers = '', backends = ''] = page.split(/^## /m);

/** What is offered to who forgets the scheme. */
async function schemes(opening: Promise<unknown>): Promise<readonly string[]> {
  const hint = await opening.then(
    () => '',
    (error: unknown) => (error instanceof ConfigError ? (error.hint ?? '') : ''),
  );
  const known = hint.replace(/^.* with one of /, '').split(', ');
  expect(known.length).toBeGreaterThan(5);
  return known;
}

describe('the table of engines', () => {
  it('has each scheme that can be opened', async () => {
    const options = { transportOptions: {}, connectTimeoutMs: 0, resultExpires: null };
    const offered = [await schemes(openBroker('nowhere', options)), await schemes(openResultBackend('nowhere', options))] as const;
    expect(offered[0].filter((scheme) => !brokers.includes(`\`${scheme}://\``))).toEqual([]);
    expect(offered[1].filter((scheme) => !backends.includes(`\`${scheme}://\``))).toEqual([]);
  });

  it('has each contract suite of a broker or a result backend', () => {
    const suites = readdirSync(join(projectRoot, 'test', 'contract')).filter((file) => /-(broker|result-backend)\.test\.ts$/.test(file));
    // The one of a recipe in CONTRIBUTING.md holds no engine of ours.
    expect(suites.filter((file) => !page.includes(`/${file})`) && !file.startsWith('recipe-'))).toEqual([]);
  });
});
