/** What stands aside where no worker takes it, in words: of which queue, whose it is, and how it gets back. */
import { DEAD_AFTER_MS, destinationOf, isMigration } from '../ctq/migration-asides.js';
import type { Aside } from '../estate/messages.js';
import { escapeText } from './escape-text.js';
import { countText } from './output/number.js';

/** `7 messages of mail stand aside: a migration to redis://new did not finish` */
export function asideText({ id, count, queues, idleMs }: Aside): string {
  const messages = `${countText(count, 'message')} of ${[...queues.keys()].map(escapeText).join(', ')}`;
  const to = destinationOf(id);
  const where = to === undefined ? '' : ` to ${escapeText(to)}`;
  const stand = count === 1 ? 'stands' : 'stand';
  if (!isMigration(id)) return idleMs < DEAD_AFTER_MS ? `${messages} are being purged` : `${messages} ${stand} aside: a purge was killed`;
  return idleMs < DEAD_AFTER_MS
    ? `${messages} ${stand} aside: a migration${where} has them in its hands, or had a moment ago`
    : `${messages} ${stand} aside: a migration${where} did not finish`;
}

export function asideRemedy({ id }: Pick<Aside, 'id'>, source: string): string {
  const from = escapeText(source);
  if (!isMigration(id)) return `ctq purge --undo ${escapeText(id)} brings them back`;
  return `the same ctq migrate goes on with them, ctq migrate --put-back ${from} ${escapeText(destinationOf(id) ?? '<destination>')} brings them back`;
}
