/**
 * Takes messages for one consumer. One take is under way at a time, for at most half the prefetch, so that
 * the server fetches while the worker works. When the lists are empty the bell is armed and nobody asks any
 * more.
 */
import type { ConsumerHandler, MalformedDelivery } from '../../broker.js';
import type { Clock } from '../../clock.js';
import type { RedisConnection } from '../../connections/redis.js';
import { toRedisFailure } from '../../connections/redis/failure.js';
import { faultPoint } from '../../fault-points.js';
import type { PausedQueues } from '../paused-queues.js';
import type { Rotation } from '../rotation.js';
import type { Tally } from '../tally.js';
import { Bell } from './bell.js';
import { RedisDelivery } from './delivery.js';
import type { RedisLayout } from './keys.js';
import type { Switchboard } from './switchboard.js';
import { type Taken, type TakePlan, take, takePlan } from './taking.js';
import type { Unacked } from './unacked.js';

export interface IntakeParts {
  readonly layout: RedisLayout;
  readonly ownerId: string;
  readonly handler: ConsumerHandler;
  readonly clock: Clock;
  readonly switchboard: Switchboard;
  readonly unacked: Unacked;
  readonly tally: Tally;
  readonly rotation: Rotation;
  readonly paused: PausedQueues;
  readonly prefetch: number;
  /** The connection, when it is up. */
  readonly connection: () => RedisConnection | undefined;
}

/** What is held at once is what the garbage collector copies: with twice as many a task costs a fifth more. */
const LARGEST_TAKE = 250;
/** Below this prefetch taking halves only costs round trips. */
const SMALLEST_HALVED = 16;
/** Answers that the server has not confirmed before we stop asking for more: it is slower than we are. */
const MOST_UNCONFIRMED = 5_000;

export class Intake {
  readonly #parts: IntakeParts;
  readonly #handler: ConsumerHandler;
  readonly #unacked: Unacked;
  readonly #tally: Tally;
  readonly #bell: Bell;
  #plan: TakePlan | undefined;
  #prefetch: number;
  #stopped = false;
  /** False when the lists were empty and the bell is armed. */
  #mayHaveMore = true;
  #underWay: Promise<void> | undefined;
  #scheduled = false;
  #takes = 0;

  constructor(parts: IntakeParts) {
    this.#parts = parts;
    this.#handler = parts.handler;
    this.#unacked = parts.unacked;
    this.#tally = parts.tally;
    this.#prefetch = parts.prefetch;
    this.#bell = new Bell(parts.switchboard, {
      clock: parts.clock,
      pollingIntervalMs: parts.layout.pollingIntervalMs,
      ring: () => this.lookAgain(),
    });
  }

  /** The take that is under way. */
  get underWay(): Promise<void> | undefined {
    return this.#underWay;
  }

  setPrefetch(count: number): void {
    this.#prefetch = count;
    this.schedule();
  }

  /** Other queues, or another turn. */
  changed(): void {
    this.#plan = undefined;
  }

  disconnected(): void {
    this.#bell.silence();
    this.#mayHaveMore = true;
  }

  /** Nothing more is taken; a take under way still delivers. */
  stop(): void {
    this.#stopped = true;
    this.#bell.silence();
  }

  close(): void {
    this.#stopped = true;
    this.#bell.close();
  }

  /** The bell, a new queue, a new connection: ask at once. */
  lookAgain(): void {
    this.#mayHaveMore = true;
    this.#take();
  }

  /** After answers: what was finished in this tick makes room together. */
  schedule(): void {
    if (this.#scheduled || !this.#mayHaveMore) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#take();
    });
  }

  #take(): void {
    const { layout, ownerId, rotation, paused } = this.#parts;
    const connection = this.#parts.connection();
    if (this.#stopped || this.#underWay !== undefined || connection === undefined || rotation.turn.length === 0) return;
    if (!this.#mayHaveMore || this.#unacked.unconfirmed > MOST_UNCONFIRMED) return;
    const free = this.#prefetch - this.#unacked.size;
    if (free <= 0) return;
    this.#plan ??= takePlan(layout, ownerId, paused.without(rotation.turn));
    if (this.#plan.queues.length === 0) return;
    const half = this.#prefetch < SMALLEST_HALVED ? free : Math.ceil(this.#prefetch / 2);
    this.#underWay = this.#takeSome(connection, this.#plan, Math.min(free, half, LARGEST_TAKE));
  }

  async #takeSome(connection: RedisConnection, plan: TakePlan, count: number): Promise<void> {
    const { layout, ownerId, rotation } = this.#parts;
    this.#takes += 1;
    let taken: Taken;
    try {
      taken = await take(connection, { layout, ownerId, plan, count, number: this.#takes });
    } catch (error) {
      this.#underWay = undefined;
      giveUp(connection, error);
      return;
    }
    this.#underWay = undefined;
    if (rotation.served(taken.served)) this.changed();
    const { batch, malformed } = this.#hold(taken);
    if (taken.count > 0) this.#bell.busy();
    const more = taken.count >= count;
    // The next take travels while the worker works on this one; a bell may be armed afterwards.
    if (more) this.#take();
    if (batch.length > 0) this.#handler.deliver(batch);
    if (!more) this.#wait(connection, plan);
    faultPoint('redis.take.delivered');
    for (const item of malformed) this.#handler.malformed(item);
  }

  #hold(taken: Taken): { readonly batch: readonly RedisDelivery[]; readonly malformed: readonly MalformedDelivery[] } {
    this.#unacked.addTake(taken.take);
    for (const { held } of taken.items) this.#tally.took(held.queue, 1);
    const batch: RedisDelivery[] = [];
    const malformed = [...taken.malformed];
    for (const item of taken.items) {
      if (item.message !== undefined) {
        const delivery = new RedisDelivery(this.#unacked, item.held, item.message);
        const fenced = this.#unacked.add(delivery);
        if (fenced.length > 0) this.#handler.fenced(fenced);
        batch.push(delivery);
      } else {
        void this.#unacked.bury(item.held, item.malformed.error.message);
        malformed.push(item.malformed);
      }
    }
    return { batch, malformed };
  }

  #wait(connection: RedisConnection, plan: TakePlan): void {
    this.#mayHaveMore = false;
    if (this.#stopped) return;
    this.#bell.arm(connection, plan.lists).catch((error: unknown) => giveUp(connection, error));
  }
}

/** Loading, read-only, no permission: states of the server, to be waited for with back-off (R10). */
function giveUp(connection: RedisConnection, error: unknown): void {
  const failure = toRedisFailure(error);
  if (!failure.unanswered) connection.abandon(failure);
}
