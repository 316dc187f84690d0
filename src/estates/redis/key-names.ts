/** What a key is, told by its name: kombu's layout, Celery's and ours (docs/wire/redis.md). */
import type { RedisLayout } from '../../brokers/redis/keys.js';
import type { KeyKind } from '../../estate/keys.js';
import type { RedisResultKeys } from '../../result-backends/redis/keys.js';
import { queueOfList } from './queue-names.js';

export interface NamedKey {
  readonly kind: KeyKind;
  /** In words. */
  readonly about: string;
}

export interface KeyNaming {
  /** undefined: by its name it may be a queue or anything else. */
  name(key: string): NamedKey | undefined;
  /** The exchange whose bindings a set holds; undefined for other keys. */
  exchangeOf(key: string): string | undefined;
}

/** Ours, by what follows `ctq:`; the longest that fits wins. */
const OWN_NAMES: Readonly<Record<string, readonly [kind: KeyKind, about: string]>> = {
  workers: ['worker', 'who consumes, and when each last beat'],
  'own:': ['worker', 'what consumer % has taken'],
  'ledger:': ['worker', 'answers of connection % that were carried out'],
  'rescue:': ['lock', 'who gives back what consumer % held'],
  parked: ['delayed', 'messages that wait for their time'],
  due: ['delayed', 'lists that were given due messages'],
  'due:': ['delayed', 'due messages for which list % has no room yet'],
  'dead:': ['dead letters', 'refused from queue %'],
  failed: ['failed tasks', 'failed tasks with their messages'],
  'failed:at': ['failed tasks', 'when tasks failed'],
  revoked: ['revoked', 'tasks that are not to run'],
  'rate:': ['limit', 'rate limit of %'],
  'permits:': ['limit', 'who may run %'],
  'beat:': ['beat', 'beat of app %'],
  paused: ['queue', 'queues that are paused'],
  'about:': ['worker', 'what consumer % says of itself'],
  'aside:': ['removed', 'set aside by purge %'],
  asides: ['removed', 'purges that have something aside'],
  'restored:': ['removed', 'how far purge % was undone'],
  'arrived:': ['removed', 'how far migration % has come to here'],
};

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
/** Of a node, or with `reply.` of a client; the namespace before is `control_exchange`, `celery` as a rule. */
const PIDBOX = /^(?<who>.+?)\.(?<reply>reply\.)?(?<namespace>[^.]+)\.pidbox$/;

export function keyNaming(layout: RedisLayout, resultKeys: RedisResultKeys): KeyNaming {
  const { prefix } = layout;
  const bindings = `${prefix}_kombu.binding.`;
  const results = resultKeys.keyOf('');
  const groups = resultKeys.groupKeyOf('');
  const fixed = new Map<string, NamedKey>([
    [layout.unackedKey, { kind: 'unacked', about: 'messages that somebody has and has not answered for' }],
    [layout.unackedIndexKey, { kind: 'unacked index', about: 'since when they are out' }],
    [layout.unackedMutexKey, { kind: 'unacked mutex', about: 'who gives back what is out for too long' }],
  ]);
  const exchangeOf = (key: string): string | undefined => (key.startsWith(bindings) ? key.slice(bindings.length) : undefined);
  return {
    exchangeOf,
    name(key) {
      const known = fixed.get(key);
      if (known !== undefined) return known;
      const exchange = exchangeOf(key);
      if (exchange !== undefined) return { kind: 'binding', about: `bindings of exchange ${exchange}` };
      if (key.startsWith(results)) return { kind: 'result', about: 'result of a task' };
      if (key.startsWith(groups)) return groupKey(key.slice(groups.length));
      if (!key.startsWith(prefix)) return undefined;
      const rest = key.slice(prefix.length);
      if (rest.startsWith('ctq:')) return ownKey(rest.slice('ctq:'.length));
      if (rest.startsWith('redbeat:')) return { kind: 'beat', about: 'of RedBeat, a Python scheduler' };
      return mailbox(queueOfList(layout, key).queue);
    },
  };
}

function groupKey(rest: string): NamedKey {
  const [, id = rest, part] = /^(.*)\.([jst])$/.exec(rest) ?? [];
  if (part === 'j') return { kind: 'chord', about: 'parts of a chord that are in' };
  if (part === 's') return { kind: 'chord', about: 'how many parts a chord has' };
  if (part === 't') return { kind: 'chord', about: 'how many parts were added to a chord' };
  return { kind: 'group result', about: `tasks of a saved group${UUID.test(id) ? '' : ` ${id}`}` };
}

function ownKey(rest: string): NamedKey {
  const fits = (name: string): boolean => (name.endsWith(':') ? rest.startsWith(name) : rest === name);
  const [longest] = Object.keys(OWN_NAMES)
    .filter(fits)
    .sort((a, b) => b.length - a.length);
  const [kind, about] = (longest === undefined ? undefined : OWN_NAMES[longest]) ?? (['unknown', "ctq's"] as const);
  return { kind, about: about.replace('%', () => rest.slice(longest?.length ?? 0)) };
}

/** Queues that one process alone reads. */
function mailbox(queue: string): NamedKey | undefined {
  const pidbox = PIDBOX.exec(queue)?.groups;
  if (pidbox?.['reply'] !== undefined) return { kind: 'reply queue', about: 'answers to a remote-control client' };
  if (pidbox !== undefined) return { kind: 'pidbox queue', about: `remote control for ${pidbox['who']}` };
  if (queue.startsWith('celeryev.')) return { kind: 'event queue', about: 'events for one listener' };
  // rpc:// names its queue by the client's oid (WIRE 7.8).
  return UUID.test(queue) ? { kind: 'reply queue', about: 'results for an rpc:// client' } : undefined;
}
