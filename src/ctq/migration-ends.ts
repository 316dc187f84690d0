/** The two ends of a migration, opened by their URLs. */
import type { Broker } from '../broker.js';
import { withEmbeddedFile } from '../config/resolve.js';
import { ConfigError, UsageError } from '../errors.js';
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
  for (const url of [from, to]) {
    if (!/^memory:/i.test(url)) continue;
    throw new UsageError('memory:// is inside one process, and this one has nothing in it', {
      hint: 'name two brokers that others reach, too',
    });
  }
  const prefixes = [source, destination].map(({ options }) => options.transportOptions['global_keyprefix'] ?? '');
  if (isSamePlace(from, to, source.options) && prefixes[0] === prefixes[1]) {
    throw new UsageError('source and destination are the same place', { hint: 'ctq migrate moves messages from one broker to another' });
  }
  if (/^sqlite:/i.test(from)) {
    const { assertDatabase } = await import('../connections/sqlite/file.js');
    const { parseSqliteUrl } = await import('../connections/sqlite/url.js');
    assertDatabase(parseSqliteUrl(from).path);
  }
  const opened: { close(): Promise<void> }[] = [];
  const estate = await openSource(from, source.options);
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

async function openSource(url: string, options: MigrationEnd['options']): Promise<Estate> {
  const { isEstate, openEstate } = await import('../estates/index.js');
  const { brokerSchemes } = await import('../brokers/index.js');
  const scheme = /^[a-z0-9+.-]+/i.exec(url)?.[0].toLowerCase() ?? '';
  if (!isEstate(url) && brokerSchemes.includes(scheme)) {
    throw new ConfigError(`messages cannot be taken out of ${scheme}:// yet`, { hint: 'as a destination it works' });
  }
  return openEstate(url, { ...options, parts: ['broker'], resultTransportOptions: {} });
}

async function openArrivals(url: string, options: MigrationEnd['options'], opened: { close(): Promise<void> }[]): Promise<Arrivals> {
  const { isEstate, openEstate } = await import('../estates/index.js');
  if (isEstate(url)) {
    const estate = await openEstate(url, { ...options, parts: ['broker'], resultTransportOptions: {} });
    opened.push(estate);
    const { messages: desk } = estate;
    const { noted } = desk;
    if (noted !== undefined) {
      const arrive: Arrivals['arrive'] = (id, page, note) => desk.arrive(id, page, note);
      return { displayUrl: estate.displayUrl, takes: 'bytes', remembers: true, arrive, noted: (id) => noted(id) };
    }
    // Another one cannot write down together with a page how far it has come.
    return { ...(await openPublishing(url, options, opened)), missing: (page) => missingFrom(desk, page) };
  }
  return openPublishing(url, options, opened);
}

async function openPublishing(url: string, options: MigrationEnd['options'], opened: { close(): Promise<void> }[]): Promise<Arrivals> {
  const { openBroker } = await import('../brokers/index.js');
  const broker = await openBroker(url, options);
  opened.push(broker);
  return publishingTo(broker);
}

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
  const publish = async ({ queue, message }: RemovedMessage): Promise<void> => {
    if (message === undefined) return;
    const route = { exchange, routingKey: queue };
    let there = declared.get(queue);
    if (there === undefined) {
      there = broker.declare({ name: queue, durable: true, ...route });
      declared.set(queue, there);
    }
    await there;
    await broker.publish(message, route);
  };
  return {
    ...{ displayUrl: broker.displayUrl, takes: 'messages', remembers: false },
    arrive: (_id, page) => Promise.all(page.map(publish)),
  };
}
