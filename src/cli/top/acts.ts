/** What can be done from the screen, and the question before it. */
import { escapeText } from '../escape-text.js';
import { countText, numberText } from '../output/number.js';

export type Act =
  | { readonly kind: 'revoke' | 'terminate'; readonly id: string; readonly task: string }
  | { readonly kind: 'rate limit'; readonly task: string; readonly rate: string }
  | { readonly kind: 'retry'; readonly id: string; readonly task: string }
  | { readonly kind: 'pause' | 'resume'; readonly queue: string }
  | { readonly kind: 'purge'; readonly queue: string; readonly ready: number; readonly copy: 'keep a copy' | 'for good' }
  | { readonly kind: 'grow' | 'shrink'; readonly node: string; readonly size: number | null }
  | { readonly kind: 'events'; readonly switched: 'on' | 'off' };

/** The question on the last line, and which keys answer it. */
export interface Question {
  readonly text: string;
  readonly answers: string;
}

const YES_OR_NO = 'y yes  n no';

export function questionOf(act: Act): Question {
  return { text: escapeText(textOf(act)), answers: act.kind === 'purge' ? 'y yes, for good  c yes, with a copy  n no' : YES_OR_NO };
}

function textOf(act: Act): string {
  switch (act.kind) {
    case 'revoke':
      return `Revoke ${act.task}[${act.id}]? It will not begin again; what runs may go on`;
    case 'terminate':
      return `Terminate ${act.task}[${act.id}]? It ends at once where its pool can end tasks`;
    case 'rate limit':
      return act.rate === '0' ? `Lift the rate limit of ${act.task} on all workers?` : `Limit ${act.task} to ${act.rate} on each worker?`;
    case 'retry':
      return `Run ${act.task}[${act.id}] again?`;
    case 'pause':
      return `Pause ${act.queue}? Nobody takes from it until it is resumed`;
    case 'resume':
      return `Resume ${act.queue}?`;
    case 'purge':
      return `Remove ${countText(act.ready, 'message')} from ${act.queue}?`;
    case 'grow':
      return `Let the pool of ${act.node} grow by one${sizes(act.size, 1)}?`;
    case 'shrink':
      return `Let the pool of ${act.node} shrink by one${sizes(act.size, -1)}?`;
    case 'events':
      return `Shall all workers ${act.switched === 'on' ? 'tell' : 'stop telling'} of their tasks (events)?`;
  }
}

function sizes(size: number | null, by: number): string {
  return size === null ? '' : `, from ${numberText(size)} to ${numberText(Math.max(0, size + by))}`;
}
