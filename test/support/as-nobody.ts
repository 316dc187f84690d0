/** Root is refused nothing: what is refused has to be asked as somebody else. */
import { chownSync } from 'node:fs';

const NOBODY = 65_534;

/** Runs it as a user to whom the folder belongs and little else; where we are no root, as ourselves. Not beside other tests of the process. */
export async function asNobody<Value>(folder: string, run: () => Promise<Value>): Promise<Value> {
  if (process.getuid?.() !== 0) return await run();
  chownSync(folder, NOBODY, NOBODY);
  process.setegid?.(NOBODY);
  process.seteuid?.(NOBODY);
  try {
    return await run();
  } finally {
    process.seteuid?.(0);
    process.setegid?.(0);
  }
}
