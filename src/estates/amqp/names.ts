/** What a queue of RabbitMQ is, told by its name: Celery's, kombu's and ours (docs/wire/amqp.md). */
import { pausedMark } from '../../brokers/amqp/pauses.js';
import { isDeathsQueue } from '../../brokers/amqp/deaths.js';
import type { KeyKind } from '../../estate/keys.js';

export interface NamedQueue {
  readonly kind: KeyKind;
  readonly about: string;
}

const DEAD = 'ctq.dead.';
const PAUSED = pausedMark('');
const ARRIVED = 'ctq.arrived.';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
/** Of a node, or with `reply.` of a client; the namespace before is `control_exchange`, `celery` as a rule. */
const PIDBOX = /^(?<who>.+?)\.(?<reply>reply\.)?[^.]+\.pidbox$/;
const LADDER = /^(?<ours>ctq_)?celery_delayed_(?<level>\d{1,2})$/;

export function nameQueue(name: string): NamedQueue {
  if (name.startsWith(DEAD)) return { kind: 'dead letters', about: `refused from queue ${name.slice(DEAD.length)}` };
  if (name.startsWith(PAUSED)) return { kind: 'lock', about: `queue ${name.slice(PAUSED.length)} is paused` };
  if (name.startsWith(ARRIVED)) return { kind: 'removed', about: `how far purge ${name.slice(ARRIVED.length)} was undone` };
  if (isDeathsQueue(name)) return { kind: 'lock', about: 'how often a message came back whose worker was lost' };
  const ladder = LADDER.exec(name)?.groups;
  if (ladder !== undefined) {
    const whose = ladder['ours'] === undefined ? 'Celery' : 'ctq';
    return { kind: 'delayed', about: `delayed by ${whose}, for ${2 ** Number(ladder['level'])} s at a time` };
  }
  if (name === 'celeryev' || name.startsWith('celeryev.')) return { kind: 'event queue', about: 'somebody listens to events' };
  const box = PIDBOX.exec(name)?.groups;
  if (box?.['reply'] !== undefined) return { kind: 'reply queue', about: `answers to ${box['who']}` };
  if (box !== undefined) return { kind: 'pidbox queue', about: `remote control of ${box['who']}` };
  if (UUID.test(name)) return { kind: 'reply queue', about: 'results for one client (rpc://)' };
  return { kind: 'queue', about: `queue ${name}` };
}

/** Whether tasks wait in it. */
export function isForTasks(name: string): boolean {
  return nameQueue(name).kind === 'queue' && !name.startsWith('amq.');
}

export function arrivedMark(id: string): string {
  return ARRIVED + id;
}
