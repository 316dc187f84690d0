/** Events as text: Celery's `--dump`, and lines for people and pipes. */
import type { ClusterState } from '../events/cluster-state.js';
import type { ReceivedEvent } from '../events/receiver.js';
import { pythonRepr } from '../protocol/python-repr.js';
import { escapeBlock, escapeText } from './escape-text.js';

const HUMAN_TYPES: Readonly<Record<string, string>> = {
  'worker-offline': 'shutdown',
  'worker-online': 'started',
  'worker-heartbeat': 'heartbeat',
};
/** Ids whose names are remembered, as many as Celery's dumper does. */
const MOST_NAMES = 4095;

/** Celery's dumper (celery/events/dumper.py), byte for byte where the values are the same. */
export class EventDumper {
  readonly #names = new Map<string, string>();

  line(event: ReceivedEvent): string {
    const { timestamp, type: rawType, hostname, ...fields } = event as Record<string, unknown>;
    const type = String(rawType).toLowerCase();
    const head = `${pythonStr(hostname)} [${pythonTime(timestamp)}]`;
    if (!type.startsWith('task-')) {
      const rest = fieldList(fields);
      return escapeBlock(`${head} ${humanType(type)}${rest === '' ? '' : ':'} ${rest}`);
    }
    const task = this.#taskName(type, fields);
    const rest = fieldList(fields);
    // Tracebacks keep their lines, as in Celery's.
    return escapeBlock(`${head} ${humanType(type)}${rest === '' ? '' : ':'} ${task} ${rest}`);
  }

  /** Takes out of the fields what the name says already. */
  #taskName(type: string, fields: Record<string, unknown>): string {
    const { uuid } = fields;
    delete fields['uuid'];
    if (type !== 'task-received' && type !== 'task-sent') return this.#names.get(String(uuid)) ?? '';
    const { name, args, kwargs } = fields;
    for (const field of ['name', 'args', 'kwargs']) delete fields[field];
    const text = `${pythonStr(name)}(${pythonStr(uuid)}) args=${pythonStr(args)} kwargs=${pythonStr(kwargs)}`;
    this.#names.set(String(uuid), text);
    for (const oldest of this.#names.keys()) {
      if (this.#names.size <= MOST_NAMES) break;
      this.#names.delete(oldest);
    }
    return text;
  }
}

/** What every event has, or what the line says already. */
const NOT_DETAILS = new Set(
  'type hostname timestamp uuid name pid clock utcoffset local_received root_id parent_id traceback sw_ident sw_ver sw_sys freq'.split(' '),
);

/** Time, type, node, id, task and details; a task's name also where the event itself has none. */
export function eventCells(event: ReceivedEvent, state: ClusterState): readonly string[] {
  const uuid = event['uuid'];
  const task = typeof uuid === 'string' ? state.tasks.get(uuid) : undefined;
  const details = Object.entries(event)
    .filter(([key, value]) => !NOT_DETAILS.has(key) && value !== null && value !== undefined)
    .map(([key, value]) => `${key}=${pythonStr(value)}`);
  const name = typeof event['name'] === 'string' ? event['name'] : (task?.name ?? '');
  const seconds = typeof event.timestamp === 'number' ? event.timestamp : event.local_received;
  const texts = [clockTime(seconds), event.type, pythonStr(event.hostname), typeof uuid === 'string' ? uuid : '', name, details.join(' ')];
  return texts.map(escapeText);
}

function fieldList(fields: Readonly<Record<string, unknown>>): string {
  return Object.keys(fields)
    .sort()
    .map((key) => `${key}=${pythonStr(fields[key])}`)
    .join(', ');
}

function humanType(type: string): string {
  return (Object.hasOwn(HUMAN_TYPES, type) ? HUMAN_TYPES[type] : undefined) ?? type.replaceAll('-', ' ');
}

function pythonStr(value: unknown): string {
  return typeof value === 'string' ? value : pythonRepr(value ?? null);
}

/** `str(datetime.utcfromtimestamp(…))`: six digits of a second, or none. */
function pythonTime(timestamp: unknown): string {
  const micros = typeof timestamp === 'number' ? Math.round(timestamp * 1e6) : Number.NaN;
  const whole = new Date(Math.floor(micros / 1e6) * 1000);
  if (Number.isNaN(whole.getTime())) return pythonStr(timestamp);
  const rest = micros - Math.floor(micros / 1e6) * 1e6;
  const text = whole.toISOString().slice(0, 19).replace('T', ' ');
  return rest === 0 ? text : `${text}.${String(rest).padStart(6, '0')}`;
}

/** The reader's own time of day. */
function clockTime(seconds: number): string {
  const date = new Date(seconds * 1000);
  if (Number.isNaN(date.getTime())) return '';
  const two = (part: number): string => String(part).padStart(2, '0');
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}
