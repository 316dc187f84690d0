/**
 * Where the files lie that run as a thread or a process of their own. A thread needs a file, and in
 * the package that file is a bundle in `dist/`; so it is also when we run from `src/` under vitest,
 * for Node 20 cannot start a thread from TypeScript.
 */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** Each has a line in the table of `tools/build.mjs`. */
export type EntryPoint = 'index' | 'lease-thread' | 'health-thread' | 'child' | 'orphan-watch' | 'stack-thread' | 'inflate-thread';

/**
 * The URL to hand to `new Worker()` or `fork()`.
 *
 * @throws Error when the file is not there: an incomplete package, or a checkout that was not built.
 */
export function entryPoint(name: EntryPoint): URL {
  const file = join(packageRoot(), 'dist', `${name}.js`);
  if (!existsSync(file)) throw new Error(`${file} is missing: run "npm run build", or install ctq again`);
  return pathToFileURL(file);
}

let foundRoot: string | undefined;

/** The folder with our package.json, from `src/` as from any depth of `dist/`. */
function packageRoot(): string {
  if (foundRoot !== undefined) return foundRoot;
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error(`no package.json above ${fileURLToPath(import.meta.url)}: ctq must be run from its package`);
    folder = parent;
  }
  foundRoot = folder;
  return folder;
}
