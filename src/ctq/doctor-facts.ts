/** Looks a live estate over, without changing anything: its servers, queues and keys, and what workers say of themselves. */
import { systemClock } from '../clock.js';
import type { Ctq } from '../ctq.js';
import type { AsideFacts, EstateFacts, Facts, QueueFacts, Software, WorkerFacts } from '../doctor/facts.js';
import type { Estate } from '../estate/estate.js';
import type { OrphanReason } from '../estate/keys.js';
import type { QueueReport } from '../estate/queues.js';
import { parseIsoDate } from '../protocol/iso-date.js';
import { isRecord } from '../protocol/record.js';
import type { ResultMeta } from '../protocol/result-meta.js';
import { isRefusal, whyUnasked } from './unasked.js';
import { DEAD_AFTER_MS, destinationOf, isMigration } from './migration-asides.js';

/** Of each queue so many messages are looked at. */
const SAMPLE = 100;
/** Looking through results takes no longer. */
const LOOK_MS = 300;
/** What failed since then is news. */
const RECENT_MS = 3_600_000;
/** Heartbeats that were asked for are there by then. */
const HEARTBEAT_WAIT_MS = 1_500;

export interface DoctorOptions {
  /** Seconds to wait for the next answer of a worker. */
  readonly timeout?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export async function gatherFacts(app: Ctq, options: DoctorOptions = {}): Promise<Facts> {
  const estates = await app.estates();
  // A server that is away is told of before anybody is waited for.
  const healths = await Promise.all(estates.map((estate) => estate.health()));
  const looked: EstateFacts[] = [];
  for (const [index, estate] of estates.entries()) looked.push(await lookInto(estate, healths[index] as EstateFacts['health'], options));
  const nameless = await namelessFailures(estates, options);
  // Afterwards, for the lists that answers come in would be seen among the keys. A replica takes no such list.
  const isReplica = healths.some(({ role }) => role === 'replica');
  const workers = isReplica ? { workers: [], silentWorkers: 0 } : await askIfPossible(app, options);
  return { nowMs: Date.now(), estates: looked, ...workers, ...(nameless === undefined ? {} : { nameless }) };
}

async function lookInto(estate: Estate, health: EstateFacts['health'], { signal }: DoctorOptions): Promise<EstateFacts> {
  const { displayUrl: url, parts } = estate;
  const reports = parts.includes('broker') ? await estate.queues.report(await estate.queues.names()) : [];
  const queues: QueueFacts[] = [];
  for (const report of reports) queues.push(await sampleOf(estate, report));
  const results = { forEver: 0, all: 0 };
  const orphans = new Map<OrphanReason, number>();
  for await (const page of estate.keys.scan({}, signal)) {
    for (const { kind, ttlMs, members, orphan } of page) {
      if (kind === 'result') {
        const count = members ?? 1;
        results.all += count;
        if (ttlMs === undefined) results.forEver += orphan?.count ?? 1;
      }
      if (orphan !== undefined && orphan.reason !== 'result without expiry') {
        orphans.set(orphan.reason, (orphans.get(orphan.reason) ?? 0) + orphan.count);
      }
    }
  }
  const blindSpot = parts.includes('broker') ? await estate.blindSpot?.() : undefined;
  const isBroker = parts.includes('broker');
  const failed = isBroker ? await estate.deadLetters.counts?.(Date.now() - RECENT_MS) : undefined;
  const asides = isBroker ? await asidesOf(estate) : [];
  return {
    ...{ url, parts, health, queues, asides, results, orphans },
    ...(failed === undefined ? {} : { failed }),
    ...(blindSpot === undefined ? {} : { blindSpot }),
  };
}

async function asidesOf({ messages }: Estate): Promise<readonly AsideFacts[]> {
  const old = (await messages.aside()).filter(({ idleMs }) => idleMs >= DEAD_AFTER_MS);
  return old.map(({ id, count, queues }) => {
    const to = destinationOf(id);
    const by = isMigration(id) ? 'a migration' : 'a purge';
    return Object.assign({ by, id, count, queues: [...queues.keys()] } as const, to === undefined ? {} : { to });
  });
}

async function sampleOf(estate: Estate, report: QueueReport): Promise<QueueFacts> {
  // What is only looked at must be what it was before.
  const isSeen = report.ready > 0 && estate.messages.looks === 'unseen';
  const { messages } = isSeen ? await estate.messages.sample(report.name, SAMPLE) : { messages: [] };
  const contentTypes = new Map<string, number>();
  const priorities = new Map<number, number>();
  let farthestEtaMs: number | undefined;
  for (const { message } of messages) {
    if (message === undefined) continue;
    const { contentType, headers, properties } = message;
    contentTypes.set(contentType, (contentTypes.get(contentType) ?? 0) + 1);
    const { priority } = properties;
    if (priority !== undefined) priorities.set(priority, (priorities.get(priority) ?? 0) + 1);
    farthestEtaMs = later(farthestEtaMs, headers['eta']);
  }
  return { report, sampled: messages.length, contentTypes, priorities, farthestEtaMs };
}

/** Looks through results for a moment: some of those that failed in Python, kept no message, and do not say what was called. */
async function namelessFailures(estates: readonly Estate[], { signal }: DoctorOptions): Promise<Facts['nameless']> {
  const enough = AbortSignal.timeout(LOOK_MS);
  const broker = estates.find(({ parts }) => parts.includes('broker'));
  const results = estates.find(({ parts }) => parts.includes('result backend'));
  try {
    for await (const page of results?.deadLetters.failures(signal === undefined ? enough : AbortSignal.any([signal, enough])) ?? []) {
      for (const { meta } of page.slice(0, SAMPLE)) {
        if (meta.extended !== undefined || namesItsTask(meta) || (await broker?.deadLetters.find(meta.taskId)) !== undefined) continue;
        return { url: results?.displayUrl ?? '', taskId: meta.taskId };
      }
    }
  } catch (error) {
    if (!enough.aborted || signal?.aborted === true) throw error;
  }
  return undefined;
}

/** Who refuses a task that it does not have says which. */
function namesItsTask({ result }: ResultMeta): boolean {
  return isRecord(result) && result['exc_type'] === 'NotRegistered';
}

/** A server that takes no writes has no place for answers: then the rest is looked at without. */
async function askIfPossible(app: Ctq, options: DoctorOptions): Promise<Pick<Facts, 'workers' | 'silentWorkers' | 'unasked' | 'lacks'>> {
  try {
    return await askWorkers(app, options);
  } catch (error) {
    const unasked = whyUnasked(error);
    if (unasked === undefined) throw error;
    return { workers: [], silentWorkers: 0, unasked, ...(isRefusal(error) ? { lacks: 'permission' } : {}) };
  }
}

async function askWorkers(app: Ctq, { timeout, signal }: DoctorOptions): Promise<Pick<Facts, 'workers' | 'silentWorkers'>> {
  const skews = new Map<string, number>();
  const heartbeats = await app.events.receive(
    ({ type, hostname, timestamp, local_received: received }) => {
      // The first word counts: what comes later may have waited for others.
      if (type.startsWith('worker-') && typeof hostname === 'string' && typeof timestamp === 'number' && !skews.has(hostname)) {
        skews.set(hostname, (timestamp - received) * 1000);
      }
    },
    { routingKey: 'worker.#' },
  );
  try {
    const askedMs = systemClock.monotonicMs();
    let reached = 0;
    const ask = async (method: string, args: Readonly<Record<string, unknown>> = {}): Promise<ReadonlyMap<string, unknown>> => {
      const replies = await app.control.gather(method, args, {
        onSent: (count) => {
          reached = Math.max(reached, count ?? 0);
        },
        ...(timeout === undefined ? {} : { timeout }),
        ...(signal === undefined ? {} : { signal }),
      });
      return new Map(replies.map(({ nodename, value }) => [nodename, value]));
    };
    const [reports, settings, queues, scheduled, registered] = await Promise.all([
      ask('report'),
      ask('conf', { with_defaults: true }),
      ask('active_queues'),
      ask('scheduled'),
      ask('registered'),
    ]);
    const names = [...new Set([reports, settings, queues, scheduled].flatMap((answers) => Array.from(answers.keys())))].sort();
    const leftMs = HEARTBEAT_WAIT_MS - (systemClock.monotonicMs() - askedMs);
    if (names.some((name) => !skews.has(name)) && leftMs > 0) await new Promise<void>((resolve) => systemClock.setTimeout(resolve, leftMs));
    const workers = names.map((name) =>
      workerFacts(name, {
        report: reports.get(name),
        settings: settings.get(name),
        queues: queues.get(name),
        scheduled: scheduled.get(name),
        registered: registered.get(name),
        skewMs: skews.get(name),
      }),
    );
    return { workers, silentWorkers: Math.max(0, reached - names.length) };
  } finally {
    await heartbeats.close();
  }
}

interface Answers {
  readonly report: unknown;
  readonly settings: unknown;
  readonly queues: unknown;
  readonly scheduled: unknown;
  readonly registered: unknown;
  readonly skewMs: number | undefined;
}

function workerFacts(name: string, { report, settings, queues, scheduled, registered, skewMs }: Answers): WorkerFacts {
  const text = isRecord(report) && typeof report['ok'] === 'string' ? report['ok'] : '';
  const versions = versionsIn(text);
  let farthestEtaMs: number | undefined;
  for (const item of Array.isArray(scheduled) ? scheduled : []) if (isRecord(item)) farthestEtaMs = later(farthestEtaMs, item['eta']);
  return {
    name,
    software: softwareOf(versions),
    versions,
    transport: /\btransport:(\S+)/.exec(text)?.[1],
    skewMs,
    queues: Array.isArray(queues)
      ? queues.flatMap((queue) => (isRecord(queue) && typeof queue['name'] === 'string' ? [queue['name']] : []))
      : undefined,
    // An answer may have attributes behind the name.
    tasks: Array.isArray(registered)
      ? registered.flatMap((entry: unknown) => (typeof entry === 'string' ? [entry.replace(/ \[.*$/, '')] : []))
      : undefined,
    settings: isRecord(settings) ? settings : {},
    farthestEtaMs,
  };
}

function softwareOf(versions: Readonly<Record<string, string>>): Software {
  if (versions['ctq'] !== undefined) return 'ctq';
  return versions['celery'] === undefined ? 'unknown' : 'celery';
}

/** `software -> celery:5.2.6 (dawn-chorus) kombu:5.2.4 py:3.11.2`, Celery's `report` and ours. */
function versionsIn(report: string): Readonly<Record<string, string>> {
  const start = report.indexOf('software ->');
  if (start < 0) return {};
  const end = report.indexOf('platform ->', start);
  const part = report.slice(start, end < 0 ? start + 500 : end);
  return Object.fromEntries([...part.matchAll(/\b([a-z][\w-]*):(\d[\w.+-]*)/g)].map(([, name = '', version = '']) => [name, version]));
}

function later(known: number | undefined, eta: unknown): number | undefined {
  const atMs = typeof eta === 'string' ? parseIsoDate(eta)?.getTime() : undefined;
  return atMs === undefined || (known !== undefined && known >= atMs) ? known : atMs;
}
