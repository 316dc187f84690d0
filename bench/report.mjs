/**
 * `npm run bench:report`: writes what bench/results/ holds into docs/performance.md, between `<!-- bench:<scenario> -->` and
 * `<!-- /bench -->`, so that nobody copies figures by hand. With --check it writes nothing, and fails where they differ.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { markdownOf } from './lib/markdown.mjs';
import { recorded } from './lib/record.mjs';
import { SCENARIOS } from './lib/scenarios.mjs';

const PAGE = fileURLToPath(new URL('../docs/performance.md', import.meta.url));
const { values } = parseArgs({ options: { check: { type: 'boolean' } } });

const page = readFileSync(PAGE, 'utf8');
const filled = page.replace(/<!-- bench:([a-z-]+) -->\n[\s\S]*?<!-- \/bench -->/g, (_, name) => {
  if (!SCENARIOS.includes(name)) throw new Error(`docs/performance.md: no scenario ${name}`);
  return `<!-- bench:${name} -->\n${markdownOf(name, recorded(name))}\n<!-- /bench -->`;
});
for (const name of SCENARIOS) {
  if (!filled.includes(`<!-- bench:${name} -->`)) console.error(`docs/performance.md has no place for ${name}`);
}
if (filled === page) console.log('docs/performance.md is up to date');
else if (values.check) {
  console.error('docs/performance.md differs from bench/results/ (npm run bench:report)');
  process.exitCode = 1;
} else {
  writeFileSync(PAGE, filled);
  console.log('docs/performance.md is written');
}
