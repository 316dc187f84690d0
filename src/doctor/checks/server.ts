/** What the server that holds it all is, and how it is set up. */
import type { EstateFacts, Facts } from '../facts.js';
import type { Check, Symptom } from '../finding.js';
import { lasting, share } from '../words.js';

/** Where CLIENT TRACKING began (redis.io/commands/client-tracking). */
const OLDEST_REDIS = [6, 0] as const;
const NEARLY_FULL = 0.8;
const SKEW_LIMIT_MS = 5_000;

const each = (look: (estate: EstateFacts) => Symptom | undefined) => (facts: Facts) =>
  facts.estates.flatMap((estate) => look(estate) ?? []);
const isServer = ({ health }: EstateFacts): boolean => health.engine !== 'sqlite';

export const serverChecks: readonly Check[] = [
  {
    kind: 'server-alarm',
    weight: 'serious',
    why: 'until that is over the server takes no messages: whoever sends waits, or fails',
    remedy: 'let workers take more, free disk space, or see vm_memory_high_watermark and disk_free_limit in rabbitmq.conf',
    look: each(({ url, health: { alarms } }) => (alarms === undefined ? undefined : { what: `${url}: ${alarms.join(', ')}` })),
  },
  {
    kind: 'replica',
    weight: 'serious',
    why: 'a replica takes no writes: nothing can be sent, and no task can be taken or acknowledged',
    remedy: 'name the primary in the broker URL, or use sentinel:// so that it is found',
    look: each(({ url, health }) => (health.role === 'replica' ? { what: `${url} is a replica` } : undefined)),
  },
  {
    kind: 'eviction-policy',
    weight: 'serious',
    why: 'when memory runs short the server throws keys away, and queues and unacknowledged messages are keys',
    remedy: 'CONFIG SET maxmemory-policy noeviction, and the same in redis.conf',
    look: each(({ url, health: { evictionPolicy, maxBytes } }) => {
      if (evictionPolicy === undefined || evictionPolicy === 'noeviction') return undefined;
      const what = `${url} has the eviction policy ${evictionPolicy}`;
      return maxBytes === undefined
        ? { what, weight: 'warning', why: 'there is no memory limit now; with one, the server would throw queues away when it is reached' }
        : { what };
    }),
  },
  {
    kind: 'memory',
    weight: 'warning',
    why: 'a full server refuses writes: nothing can be sent any more',
    remedy: 'raise maxmemory, or find out with ctq keys what fills it',
    look: each(({ url, health: { usedBytes, maxBytes } }) => {
      if (usedBytes === undefined || maxBytes === undefined || usedBytes < maxBytes * NEARLY_FULL) return undefined;
      const weight = usedBytes >= maxBytes * 0.95 ? 'serious' : 'warning';
      return { what: `${url} uses ${share(usedBytes, maxBytes)} of its memory limit`, weight };
    }),
  },
  {
    kind: 'persistence',
    weight: 'warning',
    why: 'when the server ends, all queues are gone with it',
    remedy: 'CONFIG SET appendonly yes, and the same in redis.conf',
    look: each((estate) => {
      const { url, health, parts } = estate;
      if (!isServer(estate) || !parts.includes('broker') || health.persistence === undefined) return undefined;
      if (health.persistence.includes('append-only file')) return undefined;
      if (health.persistence.length === 0) return { what: `${url} writes nothing to disk` };
      return {
        what: `${url} keeps snapshots only`,
        weight: 'note',
        why: 'when the server ends hard, what came since the last snapshot is gone, and what was done since then is done again',
      };
    }),
  },
  {
    kind: 'persistence-failing',
    weight: 'serious',
    why: 'the server cannot keep what it is told, and by default refuses writes until it can',
    remedy: 'look at its log and its disk: space, permissions',
    look: each(({ url, health: { persistenceFailed } }) =>
      persistenceFailed === undefined ? undefined : { what: `${url} could not write ${persistenceFailed}` },
    ),
  },
  {
    kind: 'server-version',
    weight: 'note',
    why: 'before Redis 6 a worker cannot be told that a message has come, and looks every second instead',
    remedy: 'update the server to Redis 6 or later, or Valkey',
    look: each((estate) => {
      const { url, health } = estate;
      if (health.engine !== 'redis') return undefined;
      const [major = 0, minor = 0] = health.version.split('.').map(Number);
      const old = major < OLDEST_REDIS[0] || (major === OLDEST_REDIS[0] && minor < OLDEST_REDIS[1]);
      return old && major > 0 ? { what: `${url} is Redis ${health.version}` } : undefined;
    }),
  },
  {
    kind: 'server-clock',
    weight: 'warning',
    why: 'ETA, expiry and schedules compare clocks of different machines: tasks run early, late, or expire unrun',
    remedy: 'let both machines set their clocks by NTP',
    look: each(({ url, health: { clockSkewMs = 0 } }) => {
      if (Math.abs(clockSkewMs) < SKEW_LIMIT_MS) return undefined;
      return { what: `the clock of ${url} is ${lasting(Math.abs(clockSkewMs))} ${clockSkewMs > 0 ? 'ahead of' : 'behind'} ours` };
    }),
  },
];
