/**
 * Beats on one Redis: a lease that the server lets expire, and one script that publishes and notes. All keys
 * are ours, under `<global_keyprefix>ctq:beat:<app>:` (docs/wire/redis.md); the messages go where kombu has them.
 */
import { randomUUID } from 'node:crypto';
import type { BrokerOptions, Route } from '../../../broker.js';
import { bindingKey, fanoutChannel, priorityList, type RedisLayout, redisLayout } from '../../../brokers/redis/keys.js';
import { type Binding, boundQueues, parseBinding } from '../../../brokers/redis/bindings.js';
import { systemClock } from '../../../clock.js';
import type { RedisReply } from '../../../connections/redis.js';
import { brokerErrorOf } from '../../../connections/failure.js';
import { toRedisFailure } from '../../../connections/redis/failure.js';
import { RedisLink } from '../../../connections/redis/link.js';
import type { RedisScript } from '../../../connections/redis/script.js';
import { parseRedisUrl } from '../../../connections/redis/url.js';
import { encodeEnvelope } from '../../../protocol/envelope.js';
import type { Message } from '../../../protocol/message.js';
import type { EntryState } from '../../schedule-entry.js';
import {
  type Attendance,
  type EntryChanges,
  type FiringResult,
  LEASE_MS,
  LONGEST_GAP_MS,
  type PreparedFiring,
  type ScheduleStore,
  type ScheduleStoreOptions,
  type StoredEntries,
} from '../../schedule-store.js';
import {
  attendScript,
  changeScript,
  fireScript,
  loadScript,
  pauseEntryScript,
  putEntryScript,
  removeEntryScript,
  resignScript,
  resumeEntryScript,
} from './scripts.js';

/** A look at the lease that takes longer is as good as none. */
const PATIENCE_MS = 2_500;
/** Names changed by one call; a few milliseconds of the server's time. */
const CHUNK = 500;

export class RedisScheduleStore implements ScheduleStore {
  readonly shared = true;
  readonly displayName: string;
  readonly #link: RedisLink;
  readonly #layout: RedisLayout;
  readonly #prefix: string;
  readonly #id = randomUUID();
  readonly #member: string;
  /** What the key of the leader holds while we are it. */
  #token = '';

  /** @throws ConfigError for a URL or a transport option that cannot be read. */
  constructor(url: string, broker: BrokerOptions, options: ScheduleStoreOptions) {
    const addresses = parseRedisUrl(url, broker);
    this.#layout = redisLayout(broker.transportOptions, addresses[0]?.db ?? 0);
    this.#prefix = `${this.#layout.prefix}ctq:beat:${options.scope}:`;
    this.#member = options.member;
    this.#link = new RedisLink({
      addresses,
      name: 'ctq beat',
      clock: systemClock,
      connectTimeoutMs: Math.min(broker.connectTimeoutMs, PATIENCE_MS),
      observer: { up: () => options.awake?.() },
    });
    this.displayName = this.#link.displayUrl;
  }

  async attend(): Promise<Attendance> {
    const keys = [this.#key('leader'), this.#key('term'), this.#key('presence'), this.#key('revision')];
    const args = [this.#id, this.#member, String(LEASE_MS), String(LONGEST_GAP_MS)];
    const [token, coveredForMs, revision, begins] = (await this.#run(attendScript, keys, args)) as [string, string, string, string];
    const [, term = '', id = '', name = ''] = /^(\d+) (\S+) (.*)$/s.exec(token) ?? [];
    if (id !== this.#id) return { role: 'standby', leader: name };
    this.#token = token;
    return {
      role: 'leader',
      term: Number(term),
      begins: begins === '1',
      coveredForMs: Math.max(0, Number(coveredForMs)),
      revision: Number(revision),
    };
  }

  async resign(): Promise<void> {
    if (this.#token === '') return;
    await this.#run(resignScript, [this.#key('leader')], [this.#token]);
    this.#token = '';
  }

  async load(): Promise<StoredEntries> {
    const keys = ['entries', 'states', 'paused', 'timezone', 'revision'].map((name) => this.#key(name));
    const [definitions, states, paused, timezone, revision] = (await this.#run(loadScript, keys, [])) as [
      ...[readonly string[], readonly string[], readonly string[]],
      ...[string, string],
    ];
    return {
      definitions: new Map(pairs(definitions)),
      states: new Map(pairs(states).flatMap(([name, text]) => readState(text).map((state) => [name, state] as const))),
      paused: new Set(paused),
      timezone: timezone === '' ? undefined : timezone,
      revision: Number(revision),
    };
  }

  async change({
    put = new Map<string, string>(),
    remove = [],
    states = new Map<string, EntryState>(),
    timezone = '',
  }: EntryChanges): Promise<'changed' | 'fenced'> {
    const keys = [this.#key('leader'), this.#key('entries'), this.#key('states'), this.#key('paused'), this.#key('timezone')];
    for (const call of callsOf(put, remove, states)) {
      if ((await this.#run(changeScript, keys, [this.#token, '', ...call])) === 'fenced') return 'fenced';
    }
    // The zone last: should we die on the way, the next leader does it all again.
    return (await this.#run(changeScript, keys, [this.#token, timezone, '0', '0', '0'])) === 'fenced' ? 'fenced' : 'changed';
  }

  async fire(firings: readonly PreparedFiring[]): Promise<readonly FiringResult[] | 'fenced'> {
    const bindings = await this.#bindingsFor(firings);
    const keys = [this.#key('leader'), this.#key('states')];
    const places = new Map<string, number>();
    const placeOf = (key: string): string => {
      let place = places.get(key);
      if (place === undefined) {
        keys.push(key);
        place = keys.length;
        places.set(key, place);
      }
      return String(place);
    };
    const args = firings.flatMap(({ name, slotMs, call }) => {
      if (call === undefined) return [name, String(slotMs), 'skip', '', '0'];
      const targets = this.#targetsOf(call.message, call.route, bindings);
      const verb = call.route.exchange.type === 'fanout' ? 'publish' : 'push';
      return [name, String(slotMs), verb, envelopeOf(call), String(targets.length), ...targets.map(placeOf)];
    });
    const reply = await this.#run(fireScript, keys, [this.#token, ...args]);
    return reply === 'fenced' ? 'fenced' : (reply as string[]).map((text) => this.#readResult(text));
  }

  async put(name: string, definition: string, nowMs: number): Promise<void> {
    const keys = [this.#key('entries'), this.#key('states'), this.#key('revision')];
    await this.#run(putEntryScript, keys, [name, definition, writeState({ lastRunAtMs: nowMs, totalRunCount: 0 })]);
  }

  async remove(name: string): Promise<boolean> {
    const keys = [this.#key('entries'), this.#key('states'), this.#key('paused'), this.#key('revision')];
    return (await this.#run(removeEntryScript, keys, [name])) === 1;
  }

  async pause(name: string): Promise<void> {
    await this.#run(pauseEntryScript, [this.#key('paused'), this.#key('revision')], [name]);
  }

  async resume(name: string, nowMs: number): Promise<void> {
    await this.#run(resumeEntryScript, [this.#key('paused'), this.#key('states'), this.#key('revision')], [name, String(nowMs)]);
  }

  async close(): Promise<void> {
    await this.#link.close();
  }

  #key(name: string): string {
    return this.#prefix + name;
  }

  #readResult(text: string): FiringResult {
    if (text === '') return { kind: 'sent' };
    const duplicate = /^duplicate (.*)$/.exec(text)?.[1];
    if (duplicate !== undefined) return { kind: 'duplicate', state: readState(duplicate)[0] ?? { lastRunAtMs: 0, totalRunCount: 0 } };
    const failure = toRedisFailure(Object.assign(new Error(text.replace(/^error (?:ERR )?/, '')), { name: 'ReplyError' }));
    return { kind: 'failed', error: brokerErrorOf(failure, this.displayName) };
  }

  #targetsOf(message: Message, route: Route, bindings: ReadonlyMap<string, readonly Binding[]>): readonly string[] {
    const { exchange, routingKey } = route;
    if (exchange.type === 'fanout') return [fanoutChannel(this.#layout, exchange.name, routingKey)];
    const { priority } = message.properties;
    const queues = exchange.name === '' ? [routingKey] : boundQueues(bindings.get(exchange.name) ?? [], exchange.type, routingKey);
    const { deadletterQueue } = this.#layout;
    if (queues.length === 0 && deadletterQueue !== undefined) queues.push(deadletterQueue);
    return queues.map((queue) => priorityList(this.#layout, queue, priority));
  }

  async #bindingsFor(firings: readonly PreparedFiring[]): Promise<ReadonlyMap<string, readonly Binding[]>> {
    const exchanges = firings.flatMap(({ call }) =>
      call === undefined || call.route.exchange.type === 'fanout' ? [] : [call.route.exchange.name],
    );
    const names = [...new Set(exchanges)].filter((name) => name !== '');
    const found = await Promise.all(
      names.map(async (name) => {
        const members = (await this.#call('smembers', [bindingKey(this.#layout, name)])) as readonly string[];
        return [name, members.flatMap((member) => parseBinding(this.#layout, member) ?? [])] as const;
      }),
    );
    return new Map(found);
  }

  async #run(script: RedisScript, keys: readonly string[], args: readonly string[]): Promise<RedisReply> {
    return this.#do(() => this.#link.run(script, keys, args));
  }

  async #call(name: string, args: readonly string[]): Promise<RedisReply> {
    return this.#do(() => this.#link.call(name, args));
  }

  async #do<T>(action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      const failure = toRedisFailure(error);
      // After a fail-over the old master says this for ever: look for the new one.
      if (/read-only replica|READONLY/.test(failure.message)) this.#link.now?.abandon(failure);
      throw brokerErrorOf(failure, this.displayName);
    }
  }
}

function envelopeOf({ message, route }: NonNullable<PreparedFiring['call']>): string {
  return encodeEnvelope(message, {
    deliveryTag: randomUUID(),
    deliveryInfo: { exchange: route.exchange.name, routingKey: route.routingKey },
  });
}

function writeState({ lastRunAtMs, totalRunCount }: EntryState): string {
  return `${Math.trunc(lastRunAtMs)} ${totalRunCount}`;
}

/** Empty for a text that we did not write. */
function readState(text: string): EntryState[] {
  const match = /^(-?\d{1,16}) (\d{1,16})$/.exec(text);
  return match === null ? [] : [{ lastRunAtMs: Number(match[1]), totalRunCount: Number(match[2]) }];
}

function pairs(flat: readonly string[]): [string, string][] {
  return Array.from({ length: flat.length / 2 }, (_, index) => [flat[2 * index] ?? '', flat[2 * index + 1] ?? '']);
}

/** The arguments of the calls that make the changes, some hundred names at a time. */
function* callsOf(
  put: ReadonlyMap<string, string>,
  remove: readonly string[],
  states: ReadonlyMap<string, EntryState>,
): Iterable<readonly string[]> {
  for (const chunk of chunksOf(put)) yield [String(chunk.length), ...chunk.flat(), '0', '0'];
  for (const chunk of chunksOf(remove)) yield ['0', String(chunk.length), ...chunk, '0'];
  for (const chunk of chunksOf(states)) {
    yield ['0', '0', String(chunk.length), ...chunk.flatMap(([name, state]) => [name, writeState(state)])];
  }
}

function* chunksOf<T>(items: Iterable<T>): Iterable<readonly T[]> {
  let chunk: T[] = [];
  for (const item of items) {
    chunk.push(item);
    if (chunk.length < CHUNK) continue;
    yield chunk;
    chunk = [];
  }
  if (chunk.length > 0) yield chunk;
}
