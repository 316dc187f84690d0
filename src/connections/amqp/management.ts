/**
 * What RabbitMQ's management plugin tells by HTTP, and AMQP does not: which queues there are, what of them is
 * unacknowledged, and how fast they move. Its figures are up to five seconds old (`collect_statistics_interval`).
 * Nobody needs it: where it does not answer, `problem` says why.
 */
import { ConfigError } from '../../errors.js';
import { isRecord, textOr } from '../../protocol/record.js';
import type { AmqpAddress } from './url.js';

export interface ManagedQueue {
  readonly name: string;
  readonly type: string;
  readonly messages: number;
  readonly unacked: number;
  readonly bytes: number | undefined;
  /** Messages a second; undefined where the plugin keeps no statistics. */
  readonly publishRate: number | undefined;
  readonly ackRate: number | undefined;
  /** When its first message was sent, where that says so. */
  readonly headAtMs: number | undefined;
}

/** Where the plugin listens when AMQP listens where it does by default. */
const USUAL_PORTS: ReadonlyMap<number, number> = new Map([
  [5672, 15_672],
  [5671, 15_671],
]);
const PATIENCE_MS = 1_500;
const PATIENCE_WHEN_NAMED_MS = 5_000;
const COLUMNS =
  'name,type,arguments,messages,messages_unacknowledged,message_bytes,head_message_timestamp,message_stats.publish_details.rate,message_stats.ack_details.rate';

export class RabbitManagement {
  readonly #base: string;
  readonly #vhost: string;
  readonly #authorization: string;
  /** Somebody gave its address; else we try the usual one. */
  readonly #named: 'yes' | 'no';
  #problem: string | undefined;
  #absent = false;

  private constructor(base: string, address: AmqpAddress, named: 'yes' | 'no') {
    const url = new URL(base);
    const [user, password] =
      url.username === '' ? [address.username, address.password] : [url.username, url.password].map(decodeURIComponent);
    url.username = '';
    url.password = '';
    this.#base = url.href.replace(/\/+$/, '').replace(/\/api$/, '');
    this.#vhost = encodeURIComponent(address.vhost);
    this.#authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
    this.#named = named;
  }

  /**
   * @param given - `management_url`: its address, or false for none.
   * @throws ConfigError when that is no address.
   */
  static of(address: AmqpAddress, given: unknown): RabbitManagement | undefined {
    if (given === false || given === '') return undefined;
    if (given === undefined || given === null || given === true) {
      const port = USUAL_PORTS.get(address.port);
      if (port === undefined) return undefined;
      const host = address.host.includes(':') ? `[${address.host}]` : address.host;
      return new RabbitManagement(`${address.tls === undefined ? 'http' : 'https'}://${host}:${port}`, address, 'no');
    }
    if (typeof given !== 'string' || !/^https?:\/\/[^/]/i.test(given) || !URL.canParse(given)) {
      throw new ConfigError('management_url in broker_transport_options is no http:// or https:// URL', {
        hint: 'write it as http://user:password@host:15672',
      });
    }
    return new RabbitManagement(given, address, 'yes');
  }

  /** Why it did not answer, where somebody said that it would. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** All queues of the virtual host; undefined when nobody can say. */
  async queues(): Promise<readonly ManagedQueue[] | undefined> {
    const answer = await this.#ask(`/api/queues/${this.#vhost}?columns=${COLUMNS}`);
    return Array.isArray(answer) ? answer.flatMap((one: unknown) => managedQueue(one) ?? []) : undefined;
  }

  /** Why its nodes take no messages now: short of memory or disk. */
  async alarms(): Promise<readonly string[]> {
    // For users with the tag `monitoring` alone.
    const nodes = await this.#ask('/api/nodes?columns=name,mem_alarm,disk_free_alarm,running', 'if it may be');
    if (!Array.isArray(nodes)) return [];
    return nodes.flatMap((node: unknown) => {
      if (!isRecord(node)) return [];
      const name = String(node['name']);
      const told: string[] = [];
      if (node['mem_alarm'] === true) told.push(`${name} is short of memory`);
      if (node['disk_free_alarm'] === true) told.push(`${name} is short of disk space`);
      if (node['running'] === false) told.push(`${name} is down`);
      return told;
    });
  }

  async #ask(path: string, how: 'surely' | 'if it may be' = 'surely'): Promise<unknown> {
    if (this.#absent) return undefined;
    try {
      const response = await fetch(this.#base + path, {
        headers: { authorization: this.#authorization, accept: 'application/json' },
        signal: AbortSignal.timeout(this.#named === 'yes' ? PATIENCE_WHEN_NAMED_MS : PATIENCE_MS),
        redirect: 'error',
      });
      if (!response.ok) {
        await response.body?.cancel();
        const refused = response.status === 401 || response.status === 403;
        if (how === 'surely') this.#gone(refused ? 'it does not let this user in' : `it answers ${response.status}`);
        return undefined;
      }
      this.#problem = undefined;
      return await response.json();
    } catch (error) {
      this.#gone(reasonOf(error));
      return undefined;
    }
  }

  /** Who only guessed does not ask again. */
  #gone(reason: string): void {
    if (this.#named === 'yes') this.#problem = `${this.#base}: ${reason}`;
    else this.#absent = true;
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return 'no answer in time';
  if (error instanceof SyntaxError) return 'what answers there is no RabbitMQ';
  const code = (error.cause as { readonly code?: unknown } | undefined)?.code;
  return typeof code === 'string' ? code : error.message;
}

function managedQueue(value: unknown): ManagedQueue | undefined {
  if (!isRecord(value) || typeof value['name'] !== 'string') return undefined;
  const stats = isRecord(value['message_stats']) ? value['message_stats'] : {};
  const given = isRecord(value['arguments']) ? value['arguments']['x-queue-type'] : undefined;
  const head = value['head_message_timestamp'];
  return {
    name: value['name'],
    type: textOr(value['type'], textOr(given, 'classic')),
    messages: count(value['messages']),
    unacked: count(value['messages_unacknowledged']),
    bytes: typeof value['message_bytes'] === 'number' ? value['message_bytes'] : undefined,
    publishRate: rateOf(stats['publish_details']),
    ackRate: rateOf(stats['ack_details']),
    headAtMs: typeof head === 'number' && head > 0 ? head * 1000 : undefined,
  };
}

function count(value: unknown): number {
  return typeof value === 'number' && value > 0 ? value : 0;
}

function rateOf(details: unknown): number | undefined {
  return isRecord(details) && typeof details['rate'] === 'number' ? details['rate'] : undefined;
}
