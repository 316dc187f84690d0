/** The two ends of a migration, opened by their URLs. */
import type { Broker } from '../broker.js';
import { withEmbeddedFile } from '../config/resolve.js';
import { UsageError } from '../errors.js';
import type { Estate, EstateOptions } from '../estate/estate.js';
import type { MessageDesk, RemovedMessage } from '../estate/messages.js';
import { nameOf, notAmong } from './last-page.js';
import type { Arrivals, MigrationTerms } from './migration.js';

export interface MigrationEnd {
  readonly url: string;
  readonly options: Pick<EstateOptions, 'transportOptions' | 'ssl' | 'connectTimeoutMs'>;
}

export interface MigrationEnds extends Pick<MigrationTerms, 'source' | 'destination' | 'pair'> {
  close(): Promise<void>;
}

/** @throws ConfigError for a URL that cannot be read; UsageError when both are the same place, or one has none. */
export async function openMigrationEnds(source: MigrationEnd, destination: MigrationEnd, baseFolder: string): Promise<MigrationEnds> {
  const { isSamePlace, placeOf } = await import('../estates/index.js');
  const [from, to] = [withEmbeddedFile(source.url, baseFolder), withEmbeddedFile(destination.url, baseFolder)];
  for (const url of [from, to]) refuseMemory(url);
  const prefixes = [source, destination].map(({ options }) => options.transportOptions['global_keyprefix'] ?? '');
  if (isSamePlace(from, to, source.options) && prefixes[0] === prefixes[1]) {
    throw new UsageError('source and destination are the same place', { hint: 'ctq migrate moves messages from one broker to another' });
  }
  const opened: { close(): Promise<void> }[] = [];
  const estate = await openMigrationSource(source, baseFolder);
  opened.push(estate);
  const arrivals = await openArrivals(to, destination.options, opened);
  const name = (end: MigrationEnd, url: string, prefix: unknown): string => `${placeOf(url, end.options) ?? url} ${String(prefix)}`;
  return {
    ...{ source: estate, destination: arrivals },
    pair: [name(source, from, prefixes[0]), name(destination, to, prefixes[1])],
    async close() {
      await Promise.all(opened.map((one) => one.close()));
    },
  };
}

function refuseMemory(url: string): void {
  if (!/^memory:/i.test(url)) return;
  throw new UsageError('memory:// is inside one process, and this one has nothing in it', {
    hint: 'name two brokers that others reach, too',
  });
}

/** @throws ConfigError for a URL that cannot be read, or a broker that nothing can be taken from. */
export async function openMigrationSource({ url: given, options }: MigrationEnd, baseFolder: string): Promise<Estate> {
  const url = withEmbeddedFile(given, baseFolder);
  refuseMemory(url);
  if (/^sqlite:/i.test(url)) {
    const { assertDatabase } = await import('../connections/sqlite/file.js');
    const { parseSqliteUrl } = await import('../connections/sqlite/url.js');
    assertDatabase(parseSqliteUrl(url).path);
  }
  const { openEstate } = await import('../estates/index.js');
  return openEstate(url, { ...options, parts: ['broker'], resultTransportOptions: {} });
}

async function openArrivals(url: string, options: MigrationEnd['options'], opened: { close(): Promise<void> }[]): Promise<Arrivals> {
  const { isEstate, openEstate } = await import('../estates/index.js');
  if (isEstate(url)) {
    const estate = await openEstate(url, { ...options, parts: ['broker'], resultTransportOptions: {} });
    opened.push(estate);
    const { messages: desk } = estate;
    const { noted, endArrivals } = desk;
    if (noted !== undefined && endArrivals !== undefined) {
      return {
        ...{ displayUrl: estate.displayUrl, takes: 'bytes', remembers: true },
        // A page of nothing, and a note of nothing that is forgotten: a write that leaves no trace.
        look: async () => void (await desk.arrive(LOOK, [], { id: LOOK, text: '' })),
        arrive: (id, page, note) => desk.arrive(id, page, note),
        noted: (id) => noted(id),
        end: (id) => endArrivals(id),
      };
    }
    // Another one cannot write down together with a page how far it has come.
    return { ...(await openPublishing(url, options, opened)), missing: (page) => missingFrom(desk, page) };
  }
  return openPublishing(url, options, opened);
}

/** A server that takes back fifty thousand messages, which were looked through for those of the last page, confirms nothing for many seconds. */
const CONFIRM_LIMIT_MS = 60_000;

async function openPublishing(url: string, options: MigrationEnd['options'], opened: { close(): Promise<void> }[]): Promise<Arrivals> {
  const { openBroker } = await import('../brokers/index.js');
  const broker = await openBroker(url, { ...options, amqp: { confirmLimitMs: CONFIRM_LIMIT_MS } });
  opened.push(broker);
  return publishingTo(broker);
}

/** The id of no migration. */
const LOOK = 'look';
const LOOKED_AT_ONCE = 1_000;

/** Those that are not in their queues there. What a worker has taken from them meanwhile is not seen. */
async function missingFrom(desk: MessageDesk, page: readonly RemovedMessage[]): Promise<readonly RemovedMessage[]> {
  const there = new Map<string, number>();
  const wanted = new Set(page.flatMap(({ queue, message }) => (message === undefined ? [] : [nameOf(queue, message)])));
  for (const queue of new Set(page.map((message) => message.queue))) {
    for (let offset = 0; ; offset += LOOKED_AT_ONCE) {
      const found = await desk.page(queue, offset, LOOKED_AT_ONCE);
      for (const { message } of found) {
        const name = message === undefined ? '' : nameOf(queue, message);
        if (wanted.has(name)) there.set(name, (there.get(name) ?? 0) + 1);
      }
      if (found.length < LOOKED_AT_ONCE) break;
    }
  }
  return notAmong(there, page);
}

/** A broker that keeps nothing but messages: they are published, and its confirmation is all there is. */
function publishingTo(broker: Broker): Arrivals {
  const declared = new Map<string, Promise<void>>();
  const exchange = { name: '', type: 'direct' } as const;
  /** Since the last page was begun: from then on nobody knows what of it has arrived. */
  let published: 'some' | 'nothing' = 'nothing';
  const declare = (queue: string): Promise<void> => {
    let there = declared.get(queue);
    if (there === undefined) {
      there = broker.declare({ name: queue, durable: true, exchange, routingKey: queue });
      declared.set(queue, there);
    }
    return there;
  };
  const publish = async ({ queue, message }: RemovedMessage): Promise<void> => {
    if (message === undefined) return;
    await declare(queue);
    published = 'some';
    await broker.publish(message, { exchange, routingKey: queue });
  };
  /** Of a migration that was at work before us nobody knows. */
  const ours = new Set<string>();
  return {
    ...{ displayUrl: broker.displayUrl, takes: 'messages', remembers: false },
    look: async (queues) => void (await Promise.all(queues.map(declare))),
    arrive(id, page) {
      published = 'nothing';
      ours.add(id);
      return Promise.all(page.map(publish));
    },
    end: async (id) => (ours.has(id) && published === 'nothing' ? -1 : undefined),
  };
}
