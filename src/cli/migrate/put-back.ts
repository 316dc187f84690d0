/** `ctq migrate --put-back`: what unfinished migrations set aside goes back to its queues. */
import { type PutBack, type PutBackTerms, putBackAsides } from '../../ctq/migration-asides.js';
import { asideText } from '../aside-text.js';
import type { CommandCall } from '../command.js';
import { escapeText } from '../escape-text.js';
import { EXIT } from '../exit-codes.js';
import { jsonText } from '../output/json.js';
import { countText } from '../output/number.js';
import { tableText } from '../output/table.js';

type Call = Pick<CommandCall, 'context' | 'globals'>;

/** 0 when nothing stands aside any more of what was asked for, else 1. */
export async function putBack({ context, globals }: Call, terms: PutBackTerms): Promise<number> {
  const done = await putBackAsides(terms);
  const left = done.filter(({ fate }) => fate === 'left');
  const code = left.length === 0 ? EXIT.ok : EXIT.failed;
  if (globals.json === true) {
    const counted = (fate: PutBack['fate']): number => sum(done.filter((one) => one.fate === fate));
    const document = { source: terms.source.displayUrl, put_back: counted('back'), had_arrived: counted('arrived'), left: counted('left') };
    context.stdout.write(`${jsonText(document)}\n`);
    return code;
  }
  const counts = new Map<string, number>();
  for (const { aside, fate } of done)
    if (fate === 'back') for (const [queue, count] of aside.queues) counts.set(queue, (counts.get(queue) ?? 0) + count);
  if (counts.size > 0) context.stdout.write(await tableText(['QUEUE', 'PUT BACK'], [...counts], context.stdout, { flexible: ['QUEUE'] }));
  const say = (line: string): void => void (globals.quiet !== true && context.stderr.write(`ctq: ${line}\n`));
  if (done.length === 0) say('nothing stands aside at the source');
  for (const { aside, fate } of done) {
    if (fate === 'arrived') say(`${countText(aside.count, 'message')} had arrived, and went from the source`);
    if (fate === 'left') say(`${asideText(aside)}; ${leftHint(terms)}`);
  }
  return code;
}

function leftHint({ source, to }: PutBackTerms): string {
  const from = escapeText(source.displayUrl);
  const ask =
    to === undefined
      ? 'name its destination as well, so that it can be asked what it has; '
      : 'that one does not know what it has of them; ';
  return `${ask}ctq migrate --put-back ${from} -f brings all back, and what has arrived runs twice`;
}

function sum(pages: readonly PutBack[]): number {
  return pages.reduce((count, { aside }) => count + aside.count, 0);
}

/** After a failure: where the messages are that were under way. */
export function takenBackText({ aside, fate }: PutBack): string {
  const messages = countText(aside.count, 'message');
  switch (fate) {
    case 'back':
      return `${messages} that had been taken out are back where they were`;
    case 'arrived':
      return `${messages} more had arrived`;
    case 'left':
      return `${messages} of ${[...aside.queues.keys()].map(escapeText).join(', ')} stand aside, for nobody knows whether they have arrived: the same command goes on with them`;
    default:
      return fate satisfies never;
  }
}
