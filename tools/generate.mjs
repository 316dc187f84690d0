/**
 * Writes completions/ and man/ (and package.json's list of pages) from the data of the commands. They are committed, so that packagers find them
 * without a build; a test fails when they are not what the commands say.
 *
 *   node tools/generate.mjs
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
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
const files = await generatedFiles();
for (const folder of ['completions', 'man']) {
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
console.log(`wrote ${files.size} files to completions/ and man/`);
