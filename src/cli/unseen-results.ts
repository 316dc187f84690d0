/** Results that are kept where nobody looks from outside: what a list leaves out is said, not passed over. */
import type { Ctq } from '../ctq.js';
import type { CommandCall } from './command.js';

export async function tellUnseenResults({ context, globals }: Pick<CommandCall, 'context' | 'globals'>, app: Ctq): Promise<void> {
  if (globals.quiet === true || globals.json === true) return;
  const backend = await app.unseenResults();
  if (backend === undefined) return;
  context.stderr.write(`ctq: note: results are kept at ${backend.displayUrl}, which is not looked into; ctq result <id> asks it for one\n`);
}
