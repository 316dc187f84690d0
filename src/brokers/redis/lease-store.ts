/** Leases on Redis: the scores in `unacked_index` and the beats in `ctq:workers`, all by the server's TIME. */
import { randomUUID } from 'node:crypto';
import { systemClock } from '../../clock.js';
import { RedisLink } from '../../connections/redis/link.js';
import type { RedisAddress } from '../../connections/redis/url.js';
import { faultPoint } from '../../fault-points.js';
import type { Beat, Housekeeping, LeaseStore, OpenLeaseStore, Renewal } from '../lease-store.js';
import { restoreForeign } from './foreign.js';
import { aboutKey, pausedKey } from './desk-keys.js';
import { giveBackAll } from './give-back.js';
import { dueKey, duePrefix, ownersKey, parkedKey, type RedisLayout, rescueKey } from './keys.js';
import { heldKeys } from './own.js';
import { renewScript, unparkScript } from './scripts.js';

/** A round trip that takes longer is given up: the next one, over a new connection, comes in time for our lease. */
const CALL_LIMIT_MS = 2_000;
/** One rescuer at a time reads what a dead owner held; another one comes in should this one die too. */
const RESCUE_LOCK_MS = 3_000;
const RESCUE_SLICE_MS = 900;
/** What a consumer says of itself outlives it by some beats. */
const ABOUT_LIFE_MS = 10_000;
const UNPARK_BATCH = 500;
/** Whether a list has room for the next ones that are due: at first so often that a fast worker never waits for them. */
const FIRST_LOOK_AT_LINES_MS = 4;
const SLOWEST_LOOK_AT_LINES_MS = 100;
/** kombu looks every 100 s; late deliveries are late enough. */
const FOREIGN_INTERVAL_MS = 10_000;

/** What crosses to the lease thread. */
export interface RedisLeaseStoreData extends Readonly<Record<string, unknown>> {
  readonly addresses: readonly RedisAddress[];
  readonly layout: RedisLayout;
  readonly name: string;
}

export const openRedisLeaseStore: OpenLeaseStore = async (options) => new RedisLeaseStore(options as RedisLeaseStoreData);

class RedisLeaseStore implements LeaseStore {
  readonly #layout: RedisLayout;
  readonly #link: RedisLink;
  readonly #self = randomUUID();
  #nextForeignMs = Number.NEGATIVE_INFINITY;
  #lookAtLinesMs = FIRST_LOOK_AT_LINES_MS;

  constructor(data: RedisLeaseStoreData) {
    this.#layout = data.layout;
    this.#link = new RedisLink({ addresses: data.addresses, name: data.name, clock: systemClock, connectTimeoutMs: CALL_LIMIT_MS });
  }

  async renew(ownerId: string): Promise<Renewal> {
    const connection = await this.#link.connection();
    faultPoint('redis.renew.sent');
    const [lost, added] = (await connection.run(renewScript, heldKeys(this.#layout, ownerId), [ownerId])) as readonly [
      readonly string[],
      number,
    ];
    faultPoint('redis.renew.answered');
    return { lost, forgotten: added === 1 };
  }

  async exchange(ownerId: string, about: string): Promise<readonly string[]> {
    const connection = await this.#link.connection();
    const told = connection.call('set', [aboutKey(this.#layout, ownerId), about, 'PX', String(ABOUT_LIFE_MS)]).catch(() => {});
    const [paused] = await Promise.all([connection.call('hkeys', [pausedKey(this.#layout)]), told]);
    return paused as readonly string[];
  }

  async beats(): Promise<ReadonlyMap<string, Beat>> {
    const connection = await this.#link.connection();
    const flat = (await connection.call('ZRANGE', [ownersKey(this.#layout), '0', '-1', 'WITHSCORES'])) as readonly string[];
    const beats = new Map<string, Beat>();
    for (let index = 0; index + 1 < flat.length; index += 2) beats.set(flat[index] as string, flat[index + 1] as string);
    return beats;
  }

  async takeOver(ownerId: string, lastBeat: Beat): Promise<number> {
    const connection = await this.#link.connection();
    const lock = rescueKey(this.#layout, ownerId);
    const holder = await connection.call('get', [lock]);
    if (holder !== null && holder !== this.#self) return 0;
    await connection.call('set', [lock, this.#self, 'PX', String(RESCUE_LOCK_MS)]);
    const startMs = systemClock.monotonicMs();
    const restored = await giveBackAll({
      connection,
      layout: this.#layout,
      ownerId,
      lastBeat: String(lastBeat),
      enough: () => systemClock.monotonicMs() - startMs > RESCUE_SLICE_MS,
    });
    if (systemClock.monotonicMs() - startMs <= RESCUE_SLICE_MS) await connection.call('del', [lock]);
    return restored;
  }

  async housekeep(): Promise<Housekeeping> {
    const connection = await this.#link.connection();
    const layout = this.#layout;
    const keys = [layout.unackedKey, layout.unackedIndexKey, parkedKey(layout), dueKey(layout)];
    const [moved, due, waitMs, inLines] = (await connection.run(unparkScript, keys, [
      String(UNPARK_BATCH),
      duePrefix(layout),
    ])) as readonly [number, number, number, number];
    let restored = moved;
    const nowMs = systemClock.monotonicMs();
    if (nowMs >= this.#nextForeignMs) {
      this.#nextForeignMs = nowMs + FOREIGN_INTERVAL_MS;
      restored += await restoreForeign(connection, layout);
    }
    this.#lookAtLinesMs = moved > 0 ? FIRST_LOOK_AT_LINES_MS : Math.min(this.#lookAtLinesMs * 2, SLOWEST_LOOK_AT_LINES_MS);
    if (due === UNPARK_BATCH) return { restored, nextDueInMs: 0 };
    const waits = [...(waitMs < 0 ? [] : [waitMs]), ...(inLines > 0 ? [this.#lookAtLinesMs] : [])];
    return { restored, nextDueInMs: waits.length === 0 ? undefined : Math.min(...waits) };
  }

  async close(): Promise<void> {
    await this.#link.close();
  }
}
