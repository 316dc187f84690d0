/** Takes messages out of a queue, page by page, so that each is in a list, aside, or in its copy, whatever dies. */
import { randomUUID } from 'node:crypto';
import { asideKey, asidesKey, restoredKey } from '../../brokers/redis/desk-keys.js';
import { duePrefix, parkedKey, queueLists, type RedisLayout } from '../../brokers/redis/keys.js';
import type { RedisConnection } from '../../connections/redis.js';
import { BrokerError } from '../../errors.js';
import type { RemovalTerms, StoredMessage } from '../../estate/messages.js';
import { PageSize } from '../page-size.js';
import { numbered } from '../stored.js';
import { delayedMessage, readyMessage } from './stored-message.js';
import { nextPageScript, setAsideParkedScript, setAsideScript } from './message-scripts.js';
import { type Parked, parkedPages } from './parked.js';

/** Without a copy nothing is read, and a list is cut in pieces. */
const LARGEST_CUT = 5_000;
const LARGEST_PAGE = 500;
/** Farther from the consuming end than this, messages are marked and the marks removed: each costs the server a walk. */
const FAR = 5_000;
const MARKED_AT_ONCE = 100;

export async function removeMessages(connection: RedisConnection, layout: RedisLayout, terms: RemovalTerms): Promise<number> {
  const removal = new Removal(connection, layout, terms);
  if (terms.places.includes('ready')) {
    for (const [step, list] of queueLists(layout, terms.queue).entries()) {
      const priority = layout.prioritySteps[step] ?? 0;
      if (terms.wanted === undefined) await removal.all(list, priority);
      else await removal.some(list, priority, terms.wanted);
    }
  }
  if (terms.places.includes('delayed')) await removal.delayed();
  return removal.removed;
}

/** What a message is kept with besides its bytes; no value holds a NUL. */
export function asideAbout(about: {
  readonly queue: string;
  readonly priority: number;
  readonly dueAtMs?: number;
  readonly tag?: string;
}): string {
  return JSON.stringify([about.queue, about.priority, about.dueAtMs ?? null, about.tag ?? null]);
}

interface Cut {
  /** How many of the consuming end. */
  readonly deep: number;
  /** How many of these were looked at, the farthest ones. */
  readonly looked: number;
  /** Empty: all of them. */
  readonly chosen: readonly Uint8Array[];
}

class Removal {
  removed = 0;
  readonly #connection: RedisConnection;
  readonly #layout: RedisLayout;
  readonly #terms: RemovalTerms;
  readonly #id: string;
  #number: number | undefined;

  constructor(connection: RedisConnection, layout: RedisLayout, terms: RemovalTerms) {
    this.#connection = connection;
    this.#layout = layout;
    this.#terms = terms;
    this.#id = terms.keep?.id ?? '';
    this.#number = terms.keep?.from;
  }

  get #over(): boolean {
    return this.#terms.signal?.aborted === true;
  }

  /** A list to its end: what comes meanwhile goes, too, unless it comes faster than it can go. */
  async all(list: string, priority: number): Promise<void> {
    let left = Number(await this.#connection.call('llen', [list]));
    const size = new PageSize(LARGEST_PAGE);
    while (left > 0 && !this.#over) {
      const count = Math.min(left, this.#number === undefined ? LARGEST_CUT : size.count);
      const went = await this.#setAside(list, priority, { deep: count, looked: 0, chosen: [] });
      if (went === 0) return;
      left -= went;
      const kept = await this.#keepAside((position, raw) => readyMessage(this.#terms.queue, priority, position, raw));
      size.saw(kept);
      this.#count(went);
    }
  }

  /** Those that are wanted, wherever they lie among others. */
  async some(list: string, priority: number, wanted: (message: StoredMessage) => boolean): Promise<void> {
    const size = new PageSize(LARGEST_PAGE);
    let before = 0;
    let anchor: Uint8Array = Buffer.alloc(0);
    let gone = 0;
    const length = Number(await this.#connection.call('llen', [list]));
    // What came later lies behind; a few of it may be looked at when workers take meanwhile.
    while (before + gone < length && !this.#over) {
      const args = [Buffer.from(anchor), String(before), String(size.count)];
      const [now, ...raws] = (await this.#connection.runForBytes(nextPageScript, [list], args)) as [number, ...Uint8Array[]];
      if (raws.length === 0) return;
      before = now;
      size.saw(raws);
      let chosen = raws.filter((raw, index) => wanted(readyMessage(this.#terms.queue, priority, before + index, raw)));
      if (before > FAR && chosen.length > MARKED_AT_ONCE) {
        chosen = chosen.slice(0, MARKED_AT_ONCE);
        raws.length = raws.indexOf(chosen.at(-1) as Uint8Array) + 1;
      }
      let went = 0;
      if (chosen.length > 0) {
        went = await this.#setAside(list, priority, { deep: before + raws.length, looked: raws.length, chosen });
        gone += went;
        await this.#keepAside((position, raw) => readyMessage(this.#terms.queue, priority, position, raw));
        this.#count(went);
        // Workers took from the same end between our looking and our taking: look again from where that leaves us.
        if (went < chosen.length) continue;
      }
      const stayed = raws.length - went;
      if (stayed > 0) anchor = raws.findLast((raw) => !chosen.includes(raw)) ?? anchor;
      before += stayed;
    }
  }

  async delayed(): Promise<void> {
    const layout = this.#layout;
    const lists = queueLists(layout, this.#terms.queue);
    const ours: Parked[] = [];
    for await (const page of parkedPages(this.#connection, layout)) ours.push(...page.filter(({ list }) => lists.includes(list)));
    const size = new PageSize(LARGEST_PAGE);
    for (let at = 0; at < ours.length && !this.#over; ) {
      const page = ours.slice(at, at + size.count);
      at += page.length;
      const chosen = await this.#chosenOf(page);
      if (chosen.length === 0) continue;
      const args = chosen.flatMap(({ member, list, dueAtMs, tag }) => [
        member,
        asideAbout({ queue: this.#terms.queue, priority: layout.prioritySteps[lists.indexOf(list)] ?? 0, dueAtMs, tag }),
      ]);
      const keys = [layout.unackedKey, layout.unackedIndexKey, parkedKey(layout), ...this.#asideKeys()];
      const gone = await this.#connection.runForBytes(setAsideParkedScript, keys, [
        ...[this.#id, String(this.#number ?? ''), duePrefix(layout)],
        ...args,
      ]);
      if (!Array.isArray(gone)) throw this.#takenOver();
      const parked = gone.filter((_, index) => index % 2 === 0).map((place: number) => chosen[place - 1] as Parked);
      const kept = await this.#keepAside((position, raw) =>
        delayedMessage(this.#terms.queue, layout, position, parked[position] as Parked, raw),
      );
      size.saw(kept);
      this.#count(gone.length / 2);
    }
  }

  async #chosenOf(page: readonly Parked[]): Promise<readonly Parked[]> {
    const { wanted, queue } = this.#terms;
    if (wanted === undefined) return page;
    const values = (await Promise.all(
      page.map(({ tag }) => this.#connection.callForBytes('hget', [this.#layout.unackedKey, tag])),
    )) as (Buffer | null)[];
    return page.filter((one, index) => {
      const value = values[index]?.toString('latin1');
      const end = value?.lastIndexOf(',"","') ?? -1;
      return (
        value !== undefined &&
        end > 0 &&
        wanted(delayedMessage(queue, this.#layout, index, one, Buffer.from(value.slice(1, end), 'latin1')))
      );
    });
  }

  async #setAside(list: string, priority: number, { deep, looked, chosen }: Cut): Promise<number> {
    const about = asideAbout({ queue: this.#terms.queue, priority });
    // Twice what was looked at, in case that workers took meanwhile what stood before it.
    const near = Math.max(2 * looked, 100);
    const args = [this.#id, String(this.#number ?? ''), about, String(deep), String(near), randomUUID()];
    const wanted = chosen.map((raw) => Buffer.from(raw));
    const answer = await this.#connection.runForBytes(setAsideScript, [list, ...this.#asideKeys()], [...args, ...wanted]);
    if (Array.isArray(answer)) return answer.length;
    if (typeof answer !== 'number') throw this.#takenOver();
    return answer;
  }

  /** Written down by the caller, and only then dropped here. */
  async #keepAside(toMessage: (position: number, raw: Uint8Array) => StoredMessage): Promise<readonly Uint8Array[]> {
    const { keep } = this.#terms;
    if (keep === undefined || this.#number === undefined) return [];
    const entries = (await this.#connection.callForBytes('lrange', [asideKey(this.#layout, this.#id), '0', '-1'])) as Buffer[];
    if (entries.length === 0) return [];
    const raws = entries.map((entry) => entry.subarray(entry.indexOf(0, entry.indexOf(0) + 1) + 1));
    const first = this.#number;
    await keep.page(
      numbered(
        raws.map((raw, position) => toMessage(position, raw)),
        first,
      ),
    );
    this.#number = first + entries.length;
    await this.#connection.call('del', [asideKey(this.#layout, this.#id)]);
    await this.#connection.call('zrem', [asidesKey(this.#layout), this.#id]);
    return raws;
  }

  #count(went: number): void {
    this.removed += went;
    this.#terms.onProgress?.(this.removed);
  }

  #asideKeys(): string[] {
    return [asideKey(this.#layout, this.#id), asidesKey(this.#layout), restoredKey(this.#layout, this.#id)];
  }

  #takenOver(): BrokerError {
    return new BrokerError('CTQ_BROKER_FAILED', 'somebody puts back what this purge removes', {
      hint: 'it stopped; what it had removed is in its file',
    });
  }
}
