/**
 * Pages that show what the program prints: their files are written, their commands typed on a terminal, and what they print is compared
 * with the page. `CTQ_DOCS=write npx vitest run test/docs/printed.test.ts` writes what they print into the pages.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { projectRoot } from '../support/ctq-process.js';
import { readPage } from '../support/markdown.js';
import { followPage } from '../support/printed-page.js';
import { describeWith } from '../support/requires.js';

const PAGES = ['docs/tutorial.md', 'docs/troubleshooting.md', 'docs/guides/configuration.md', 'docs/migration.md'];

describeWith('python', 'what is printed', () => {
  it.each(PAGES)(
    'stands in %s',
    async (path) => {
      const { told, printed, rewritten } = await followPage(readPage(path));
      if (process.env['CTQ_DOCS'] === 'write') writeFileSync(join(projectRoot, path), rewritten);
      else expect(printed).toEqual(told);
    },
    120_000,
  );
});
