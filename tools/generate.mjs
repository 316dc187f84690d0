/**
 * Writes completions/ and man/ (and package.json's list of pages) from the data of the commands, and docs/reference/ from those, the settings and
 * the library's types. They are committed, so that packagers and readers find them without a build; a test fails when they are not what the code says.
 *
 *   node tools/generate.mjs
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { apiReference } from './api-reference.mjs';
import { TEXTS } from './build.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
// In the checkout, for it imports packages from there.
const bundle = join(root, 'node_modules', '.ctq-generate.mjs');

async function loadGenerator() {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  await build({
    absWorkingDir: root,
    entryPoints: ['src/cli/generated-files.ts'],
    outfile: bundle,
    bundle: true,
    format: 'esm',
    platform: 'node',
    packages: 'external',
    loader: TEXTS,
    define: { __CTQ_VERSION__: JSON.stringify(version) },
    logLevel: 'warning',
  });
  try {
    return await import(pathToFileURL(bundle).href);
  } finally {
    rmSync(bundle, { force: true });
  }
}

const { generatedFiles } = await loadGenerator();
/** One line for each decision, from its title. */
function decisionsIndex() {
  const folder = join(root, 'docs', 'decisions');
  const lines = readdirSync(folder)
    .filter((name) => /^\d{4}-.*\.md$/.test(name))
    .sort()
    .map((name) => {
      const [title] = readFileSync(join(folder, name), 'utf8').split('\n', 1);
      return `* [${title.replace(/^# /, '').replace(/^(\d+)(:| ·) /, '$1 · ')}](${name})`;
    });
  const about =
    'Choices that somebody might ask about: what the situation was, what was decided, what else was considered and why not. One page each.';
  return ['<!-- Made by "npm run generate" from the titles. -->', '# Decisions', about, lines.join('\n')].join('\n\n') + '\n';
}

const tables = join(root, 'src', 'config', 'settings');
const settings = readdirSync(tables).sort();
const files = new Map(await generatedFiles(settings.map((name) => readFileSync(join(tables, name), 'utf8')).join('')));
files.set('docs/reference/api.md', apiReference(root));
for (const folder of ['completions', 'man', 'docs/reference']) {
  mkdirSync(join(root, folder), { recursive: true });
  for (const name of readdirSync(join(root, folder))) if (!files.has(`${folder}/${name}`)) rmSync(join(root, folder, name));
}
for (const [path, text] of files) {
  mkdirSync(join(root, dirname(path)), { recursive: true });
  writeFileSync(join(root, path), text);
}
const pages = [...files.keys()].filter((path) => path.startsWith('man/')).sort();
const packageFile = join(root, 'package.json');
const about = JSON.parse(readFileSync(packageFile, 'utf8'));
writeFileSync(packageFile, `${JSON.stringify({ ...about, man: pages.map((path) => `./${path}`) }, undefined, 2)}\n`);
writeFileSync(join(root, 'docs', 'decisions', 'README.md'), decisionsIndex());
console.log(`wrote ${files.size} files to completions/, man/ and docs/reference/`);
