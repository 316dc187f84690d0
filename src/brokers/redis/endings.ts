/**
 * Deliveries whose tasks set more in motion than a result: a next step, callbacks, the part of a chord.
 * All of it is one call of `finish.lua`, so that a crash leaves everything done or nothing (RELIABILITY W2, W3).
 */
import type { Settled } from '../../broker.js';
import type { RedisConnection } from '../../connections/redis.js';
import { faultPoint } from '../../fault-points.js';
import { encodeFailureNote, type FailureRecord } from '../../estate/failed-task.js';
import type { PartWrite } from '../../result-backends/redis/chords.js';
import { Outbox, type OutboxCall, type OutboxOptions } from './outbox.js';
import { finishScript } from './scripts.js';
import type { HeldItem, ResultWrite } from './delivery.js';

/** A message and the list it goes into. */
export interface PlacedMessage {
  readonly list: string;
  readonly text: string;
}

/** Whether the part's message has been delivered before: it may then have been counted. */
export type PartAgain = 'first' | 'again';

/** A failed task as it is kept. */
export interface FailedWrite {
  readonly taskId: string;
  readonly atMs: number;
  /** The line about it. */
  readonly about: string;
  readonly kept: number;
  readonly keptForS: number;
  readonly maxBytes: number;
}

export interface EndingWrite {
  readonly results: readonly ResultWrite[];
  readonly sends: readonly PlacedMessage[];
  /** Key of the chord that is closed. */
  readonly closes: string | undefined;
  readonly part: PartWrite | undefined;
  readonly failed: FailedWrite | undefined;
  readonly again: PartAgain;
}

interface Item {
  readonly item: HeldItem;
  readonly ending: EndingWrite;
  readonly resolve: (reply: Settled | readonly string[]) => void;
  /** An earlier call with it was executed, and only the ledger knows: not ours any more then means done. */
  executed: boolean;
}

export interface EndingsOptions extends Pick<OutboxOptions<Item>, 'ledgerKey' | 'connection' | 'keepAfter'> {
  readonly identity: (item: object) => object;
  readonly failed: (items: readonly { resolve(settled: Settled): void }[]) => void;
  readonly keys: readonly string[];
  /** Behind the ledger. */
  readonly moreKeys: readonly string[];
  /** What every script that answers begins with. */
  callArguments(call: OutboxCall<{ readonly item: HeldItem }>): string[];
  /** The delivery has its answer. */
  closed(item: HeldItem): void;
}

/** Each may carry a body with thousands of results. */
const MAX_ITEMS = 50;

export class Endings {
  readonly #options: EndingsOptions;
  readonly #outbox: Outbox<Item>;

  constructor(options: EndingsOptions) {
    this.#options = options;
    const { ledgerKey, connection, identity, keepAfter, failed } = options;
    this.#outbox = new Outbox<Item>({
      ledgerKey,
      connection,
      identity,
      keepAfter,
      failed,
      maxItems: MAX_ITEMS,
      send: (connected, call) => this.#send(connected, call),
      done: (items, reply) => this.#done(items, reply),
    });
  }

  get size(): number {
    return this.#outbox.size;
  }

  get ledger(): string {
    return this.#outbox.ledger;
  }

  idle(): Promise<void> {
    return this.#outbox.idle();
  }

  close(): void {
    this.#outbox.close();
  }

  /** Gives the members of the chord that this part completes; nothing else has happened then. */
  send(item: HeldItem, ending: EndingWrite): Promise<Settled | readonly string[]> {
    return new Promise((resolve) => this.#outbox.add({ item, ending, resolve, executed: false }));
  }

  async #send(connection: RedisConnection, call: OutboxCall<Item>): Promise<unknown> {
    const args = this.#options.callArguments(call);
    for (const { item, ending } of call.items) args.push(item.tag, ...endingArguments(ending));
    const answer = connection.run(finishScript, [...this.#options.keys, call.ledger, ...this.#options.moreKeys], args);
    faultPoint('redis.finish.sent');
    const reply = await answer;
    faultPoint('redis.finish.answered');
    return reply;
  }

  #done(items: readonly Item[], reply: unknown): void {
    for (const [index, one] of items.entries()) {
      const said: unknown = Array.isArray(reply) ? reply[index] : undefined;
      if (Array.isArray(said)) one.resolve(said as readonly string[]);
      else if (said === undefined && one.ending.part !== undefined) this.#ask(one);
      else {
        this.#options.closed(one.item);
        one.resolve(said === 'fenced' && !one.executed ? 'fenced' : 'settled');
      }
    }
  }

  /** It was executed, and whether it completed its chord was not heard: then it is still ours, and saying it again tells. */
  #ask(one: Item): void {
    one.executed = true;
    this.#outbox.add(one);
  }
}

function endingArguments({ results, sends, closes, part, failed, again }: EndingWrite): string[] {
  return [
    ...(part === undefined
      ? ['']
      : [part.key, part.mode, part.score, part.prefix, part.member, String(part.ttlS), again === 'again' ? '1' : '']),
    closes ?? '',
    ...(failed === undefined ? [''] : [...failedArguments(failed, failed.about), String(failed.maxBytes)]),
    String(sends.length),
    ...sends.flatMap(({ list, text }) => [list, text]),
    String(results.length),
    ...results.flatMap(({ key, text, ttlS }) => [key, text, String(ttlS)]),
  ];
}

/** What `failed.lua` is told. */
export function failedArguments({ taskId, atMs, kept, keptForS }: FailedWrite, record: string): string[] {
  return [taskId, String(atMs), record, String(kept), String(keptForS)];
}

export function failedWrite({ note, kept, keptForS, maxBytes }: FailureRecord): FailedWrite {
  return { taskId: note.taskId, atMs: note.atMs, about: encodeFailureNote(note), kept, keptForS, maxBytes };
}
