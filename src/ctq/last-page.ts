/**
 * Which messages a killed migration may have had in its hands when its source keeps no page aside: a broker that gives
 * back what nobody has answered for, whether it has arrived or not. The destination has their names.
 */
import { createHash } from 'node:crypto';
import type { ArrivalNote, RemovedMessage } from '../estate/messages.js';
import type { Message } from '../protocol/message.js';
import { stringifyJson } from '../protocol/kombu-json.js';

/** What tells one message from all others, on every engine; begins with {@link queueName}. */
export function nameOf(queue: string, message: Message): string {
  const { headers, properties, body } = message;
  const said = ['id', 'task', 'retries', 'eta', 'group_index'].map((name) => headers[name] ?? null);
  const text = stringifyJson([...said, properties.correlationId ?? null, properties.replyTo ?? null]);
  return queueName(queue) + createHash('sha256').update(text).update('\0').update(body).digest('hex').slice(0, 32);
}

function queueName(queue: string): string {
  return createHash('sha256').update(queue).digest('hex').slice(0, 8);
}

/** Takes out of `left` what it has of a page; gives the others. Equal messages count as often as they are there. */
export function notAmong(left: Map<string, number>, page: readonly RemovedMessage[]): readonly RemovedMessage[] {
  return page.filter(({ queue, message }) => {
    const name = message === undefined ? undefined : nameOf(queue, message);
    const count = name === undefined ? 0 : (left.get(name) ?? 0);
    if (name === undefined || count === 0) return true;
    if (count === 1) left.delete(name);
    else left.set(name, count - 1);
    return false;
  });
}

export function countNames(names: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}

export class LastPage {
  readonly #id: string;
  /** Names of the page that was under way, as far as it has not been seen again. */
  readonly #left: Map<string, number>;

  constructor(id: string, note: string | undefined) {
    this.#id = id;
    this.#left = countNames(note === undefined ? [] : note.split(' '));
  }

  /** Those that have not arrived. One that nobody has ever had in his hands is none of the others, however alike. */
  fresh(page: readonly RemovedMessage[]): { readonly messages: readonly RemovedMessage[]; readonly note: ArrivalNote } {
    const again = new Set(page.filter(({ message }) => message?.properties.deliveryInfo?.redelivered === true));
    const unseen = new Set(notAmong(this.#left, [...again]));
    const names = page.flatMap(({ queue, message }) => (message === undefined ? [] : [nameOf(queue, message)]));
    return {
      messages: page.filter((message) => !again.has(message) || unseen.has(message)),
      note: { id: this.#id, text: [...this.#names(), ...names].join(' ') },
    };
  }

  /** What is left when all of these queues has been seen. */
  rest(queues: readonly string[]): ArrivalNote {
    const seen = new Set(queues.map(queueName));
    return {
      id: this.#id,
      text: this.#names()
        .filter((name) => !seen.has(name.slice(0, 8)))
        .join(' '),
    };
  }

  #names(): string[] {
    return [...this.#left].flatMap(([name, count]) => Array.from({ length: count }, () => name));
  }
}
