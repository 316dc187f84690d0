/** Sends messages: into lists, by way of the bindings, or to everybody who listens (WIRE 6.2). */
import { randomUUID } from 'node:crypto';
import type { Route } from '../../broker.js';
import type { RedisArgument, RedisConnection, RedisReply } from '../../connections/redis.js';
import { RedisFailure } from '../../connections/redis/failure.js';
import type { RedisLink } from '../../connections/redis/link.js';
import { faultPoint } from '../../fault-points.js';
import { encodeEnvelope } from '../../protocol/envelope.js';
import type { Message } from '../../protocol/message.js';
import { type Binding, boundQueues, parseBinding } from './bindings.js';
import type { Outgoing } from '../../result-backend.js';
import { bindingKey, fanoutChannel, ledgerKey, priorityList, type RedisLayout } from './keys.js';
import { Lanes } from './lanes.js';
import { Outbox, type OutboxCall } from './outbox.js';
import type { PlacedMessage } from './endings.js';
import { publishScript } from './scripts.js';

interface Item {
  readonly message: Message;
  readonly route: Route;
  readonly text: string;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** One call carries at most this many; a call of a few hundred kilobytes keeps nobody else waiting. */
const MAX_ITEMS = 1_000;
/** So many are worth a call of their own while more are being made. */
const EAGER_ITEMS = 250;

export class Publisher {
  readonly #layout: RedisLayout;
  readonly #link: RedisLink;
  readonly #told: (failure: RedisFailure) => Error;
  readonly #lanes: Lanes<Item>;

  /** @param told - What a caller of {@link publish} hears of a failure. */
  constructor(layout: RedisLayout, link: RedisLink, told: (failure: RedisFailure) => Error) {
    this.#layout = layout;
    this.#told = told;
    this.#link = link;
    this.#lanes = new Lanes(() => this.#openLane());
  }

  /** The keys of our ledgers, to be removed at a clean end. */
  get ledgers(): readonly string[] {
    return this.#lanes.ledgers;
  }

  publish(message: Message, route: Route): Promise<void> {
    return new Promise((resolve, reject) => {
      const text = stamped(message, route);
      this.#lanes.add({ message, route, text, resolve, reject });
    });
  }

  /** Where messages would be put, for a script that does it together with something else. Broadcasts go out at once: nobody keeps them. */
  async place(outgoing: readonly Outgoing[]): Promise<readonly PlacedMessage[]> {
    const connection = await this.#link.connection();
    const bindings = await this.#bindingsFor(connection, outgoing);
    const broadcasts = outgoing.filter(({ route }) => route.exchange.type === 'fanout');
    await Promise.all(broadcasts.map(({ message, route }) => connection.call('publish', broadcastArguments(this.#layout, message, route))));
    return outgoing.flatMap(({ message, route }) =>
      this.#listsOf({ message, route }, bindings).map((list) => ({ list, text: stamped(message, route) })),
    );
  }

  /** Resolves when everything given so far has been answered. */
  idle(): Promise<void> {
    return this.#lanes.idle();
  }

  close(): void {
    this.#lanes.close();
  }

  #openLane(): Outbox<Item> {
    return new Outbox<Item>({
      ledgerKey: (id) => ledgerKey(this.#layout, id),
      maxItems: MAX_ITEMS,
      connection: () => this.#link.connection(),
      eager: { items: EAGER_ITEMS, connection: () => this.#link.now },
      send: (connection, call) => this.#send(connection, call),
      done: (items, reply) => this.#done(items, reply),
      failed: (items, failure) => {
        for (const item of items) item.reject(this.#told(failure));
      },
      identity: (item) => item.message,
      // A producer hears what is wrong; whether to try again is for it to say.
      keepAfter: () => false,
    });
  }

  #send(connection: RedisConnection, call: OutboxCall<Item>): Promise<unknown> {
    // At once where nothing has to be asked first: the server has it while more are being made.
    return call.items.every(isSimple)
      ? this.#sendBound(connection, call, NO_BINDINGS)
      : this.#bindingsFor(connection, call.items).then((bindings) => this.#sendBound(connection, call, bindings));
  }

  async #sendBound(
    connection: RedisConnection,
    call: OutboxCall<Item>,
    bindings: ReadonlyMap<string, readonly Binding[]>,
  ): Promise<ReadonlyMap<Item, string>> {
    const lists = new Map<string, Item[]>();
    for (const item of call.items) {
      for (const list of this.#listsOf(item, bindings)) {
        const waiting = lists.get(list);
        if (waiting === undefined) lists.set(list, [item]);
        else waiting.push(item);
      }
    }
    // Broadcasts are not kept, so there is nothing to be doubled in them.
    const broadcasts = call.items
      .filter((item) => item.route.exchange.type === 'fanout')
      .map((item) => connection.call('publish', [fanoutChannel(this.#layout, item.route.exchange.name, item.route.routingKey), item.text]));
    const [reply] = await Promise.all([lists.size === 0 ? undefined : this.#push(connection, call, lists), ...broadcasts]);
    const problems = new Map<Item, string>();
    if (Array.isArray(reply)) {
      for (const [index, items] of [...lists.values()].entries()) {
        const problem: unknown = reply[index];
        if (typeof problem === 'string' && problem !== '') for (const item of items) problems.set(item, problem);
      }
    }
    return problems;
  }

  async #push(connection: RedisConnection, call: OutboxCall<Item>, lists: ReadonlyMap<string, readonly Item[]>): Promise<RedisReply> {
    const args: RedisArgument[] = [String(call.number)];
    for (const items of lists.values()) args.push(...parcel(items));
    const answer = connection.run(publishScript, [call.ledger, ...lists.keys()], args);
    faultPoint('redis.publish.sent');
    const reply = await answer;
    faultPoint('redis.publish.answered');
    return reply;
  }

  #listsOf({ message, route }: Outgoing, bindings: ReadonlyMap<string, readonly Binding[]>): readonly string[] {
    const { exchange, routingKey } = route;
    const { priority } = message.properties;
    if (exchange.type === 'fanout') return [];
    if (exchange.name === '') return [priorityList(this.#layout, routingKey, priority)];
    const queues = boundQueues(bindings.get(exchange.name) ?? [], exchange.type, routingKey);
    const { deadletterQueue } = this.#layout;
    if (queues.length === 0 && deadletterQueue !== undefined) queues.push(deadletterQueue);
    return queues.map((queue) => priorityList(this.#layout, queue, priority));
  }

  /** Looked up for each call, as kombu does: another program may have bound a queue a moment ago. */
  async #bindingsFor(connection: RedisConnection, items: readonly Outgoing[]): Promise<ReadonlyMap<string, readonly Binding[]>> {
    const names = new Set<string>();
    for (const { route } of items) if (route.exchange.name !== '' && route.exchange.type !== 'fanout') names.add(route.exchange.name);
    if (names.size === 0) return NO_BINDINGS;
    const found = await Promise.all(
      [...names].map(async (name) => {
        const members = (await connection.call('smembers', [bindingKey(this.#layout, name)])) as readonly string[];
        return [name, members.map((member) => parseBinding(this.#layout, member)).filter((binding) => binding !== undefined)] as const;
      }),
    );
    return new Map(found);
  }

  #done(items: readonly Item[], reply: unknown): void {
    const problems = reply instanceof Map ? (reply as ReadonlyMap<Item, string>) : undefined;
    for (const item of items) {
      const problem = problems?.get(item);
      if (problem === undefined) item.resolve();
      else item.reject(this.#told(new RedisFailure('failed', problem.replace(/^ERR /, ''))));
    }
  }
}

function isSimple({ route }: Item): boolean {
  return route.exchange.name === '' && route.exchange.type !== 'fanout';
}

/** Texts as the script takes them: how long each is, and all in one; a thousand arguments cost more to write and to read. One goes as it is. */
function parcel(items: readonly Item[]): readonly [lengths: string, texts: RedisArgument] {
  const [only] = items;
  if (only !== undefined && items.length === 1) return ['', only.text];
  let most = 0;
  for (const { text } of items) most += text.length * 3;
  const texts = Buffer.allocUnsafe(most);
  const lengths: number[] = [];
  let end = 0;
  for (const { text } of items) {
    const length = texts.write(text, end);
    lengths.push(length);
    end += length;
  }
  return [JSON.stringify(lengths), texts.subarray(0, end)];
}

const NO_BINDINGS: ReadonlyMap<string, readonly Binding[]> = new Map();

/** What PUBLISH takes: the channel and the envelope. */
export function broadcastArguments(layout: RedisLayout, message: Message, route: Route): readonly [channel: string, text: string] {
  return [fanoutChannel(layout, route.exchange.name, route.routingKey), stamped(message, route)];
}

function stamped(message: Message, { exchange, routingKey }: Route): string {
  return encodeEnvelope(message, { deliveryTag: randomUUID(), deliveryInfo: { exchange: exchange.name, routingKey } });
}
