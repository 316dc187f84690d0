/** Where in the user's files an error arose: `tasks.ts:5:7`, from its stack. */
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * The first place in the stack below `workdir` and outside node_modules, else the first of any file.
 */
export function errorPlace(error: unknown, workdir: string): string | undefined {
  const stack = error instanceof Error ? (error.stack ?? '') : '';
  const places = [...stack.matchAll(/((?:file:\/\/)?\/[^\s():]+):(\d+)(?::(\d+))?/g)].map(([, file = '', line, column]) => {
    const path = file.startsWith('file://') ? fileURLToPath(file) : file;
    return { path, shown: `${relative(workdir, path)}:${line}${column === undefined ? '' : `:${column}`}` };
  });
  return (places.find(({ path }) => path.startsWith(`${workdir}/`) && !path.includes('/node_modules/')) ?? places[0])?.shown;
}
