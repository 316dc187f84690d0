/**
 * Pages through queues that can only be looked at by taking from them. A look goes on where the last page ended, so
 * that a long queue is gone through once and not once a page; what it has in its hands goes back a second
 * after the last page, before anything else is asked, and when the estate is closed.
 */
import { systemClock, type TimerHandle } from '../../clock.js';
import { BrokerError } from '../../errors.js';
import type { StoredMessage } from '../../estate/messages.js';
import { type Hold, storedMessage, type Taken } from './hold.js';
import type { Ladder } from './ladder.js';
import type { AmqpServer } from './server.js';

const IDLE_MS = 1_000;
/** A ctq worker takes what a quorum queue got back five times for poison (`maxDeliveries`), and RabbitMQ 4 drops it after twenty. */
const MOST_RETURNS = 3;

interface Look {
  readonly hold: Hold | undefined;
  readonly delayed: readonly StoredMessage[] | undefined;
  timer: TimerHandle | undefined;
}

export class Looking {
  readonly #server: AmqpServer;
  readonly #ladder: Ladder;
  readonly #looks = new Map<string, Look>();

  constructor(server: AmqpServer, ladder: Ladder) {
    this.#server = server;
    this.#ladder = ladder;
  }

  /** Ready ones in the order of serving, then those that wait for their time. */
  async page(queue: string, offset: number, limit: number): Promise<readonly StoredMessage[]> {
    let look = this.#looks.get(queue);
    look?.timer?.cancel();
    if (look !== undefined && (offset === 0 || look.hold?.broken === true || (look.hold?.taken ?? 0) > offset)) {
      await this.#giveBack(queue, look);
      look = undefined;
    }
    if (look === undefined) {
      look = { hold: await this.#server.hold(queue), delayed: undefined, timer: undefined };
      this.#looks.set(queue, look);
    }
    try {
      const ready = look.hold === undefined ? [] : await readyPage(look.hold, offset, limit);
      const left = limit - ready.length;
      const parked = left > 0 ? (look.delayed ?? (await this.#ladder.of(queue))) : [];
      const from = Math.max(0, offset - (look.hold?.taken ?? 0));
      if (left > 0) this.#looks.set(queue, (look = { ...look, delayed: parked }));
      return [...ready, ...parked.slice(from, from + left)];
    } finally {
      const idle = look;
      idle.timer = systemClock.setTimeout(() => void this.#giveBack(queue, idle).catch(() => {}), IDLE_MS);
    }
  }

  /** From the front, one by one, until it was told enough; all goes back at its end. */
  async each(queue: string, most: number, visit: (taken: Taken, index: number) => 'go on' | 'enough'): Promise<number> {
    const hold = await this.#server.hold(queue);
    if (hold === undefined) return 0;
    try {
      while (hold.taken < most) {
        const taken = await next(hold);
        if (taken === undefined || visit(taken, hold.taken - 1) === 'enough') break;
      }
      return hold.taken;
    } finally {
      await hold.giveBack();
    }
  }

  /** The same, up to the first one that has been looked at too often. */
  async some(queue: string, most: number, visit: (taken: Taken, index: number) => 'go on' | 'enough'): Promise<void> {
    await this.each(queue, most, visit).catch((error: unknown) => {
      if (!(error instanceof BrokerError && error.code === 'CTQ_BROKER_UNSUPPORTED')) throw error;
    });
  }

  /** Whatever is asked afterwards finds the queues as they were. */
  async giveBackAll(): Promise<void> {
    await Promise.all([...this.#looks].map(([queue, look]) => this.#giveBack(queue, look)));
  }

  async #giveBack(queue: string, look: Look): Promise<void> {
    look.timer?.cancel();
    if (this.#looks.get(queue)?.hold === look.hold) this.#looks.delete(queue);
    await look.hold?.giveBack();
  }
}

async function readyPage(hold: Hold, offset: number, limit: number): Promise<StoredMessage[]> {
  const page: StoredMessage[] = [];
  while (page.length < limit) {
    const position = hold.taken;
    const taken = await next(hold);
    if (taken === undefined) break;
    if (position >= offset) page.push(storedMessage(taken, 'ready', position));
  }
  return page;
}

async function next(hold: Hold): Promise<Taken | undefined> {
  const taken = await hold.next();
  if (taken !== undefined && taken.deliveryCount >= MOST_RETURNS) {
    throw new BrokerError(
      'CTQ_BROKER_UNSUPPORTED',
      `queue ${hold.queue} holds a message that went back ${taken.deliveryCount} times already`,
      {
        hint: 'a quorum queue counts that, looking is one of these times, and a message that goes back too often is taken for one that kills its workers',
      },
    );
  }
  return taken;
}
