/**
 * A message that one consumer holds, and where it was taken from. What its answer sets in motion is {@link Unacked}'s.
 */
import type { Settled, SettledListener } from '../../broker.js';
import { type FailureRecord, keptText } from '../../estate/failed-task.js';
import { encodeEnvelope, redeliveryCount } from '../../protocol/envelope.js';
import type { Message } from '../../protocol/message.js';
import { type Answer, HeldDelivery } from '../held-delivery.js';
import { type EndingWrite, failedArguments, failedWrite } from './endings.js';
import type { Unacked } from './unacked.js';

/** How a result is written in the step that acknowledges. */
export interface ResultWrite {
  readonly key: string;
  readonly text: string;
  /** Seconds to keep it; 0 for ever. */
  readonly ttlS: number;
}

/** One answered call of `take.lua`; its record on the server goes when nothing of it is left. */
export interface Take {
  readonly number: number;
  readonly takenAt: string;
  /** Items without a confirmed answer. */
  open: number;
  /** By position: what has no answer yet. */
  readonly held: (RedisDelivery | undefined)[];
}

/** What was taken, message or not. */
export interface HeldItem {
  readonly tag: string;
  readonly queue: string;
  /** The key it came from, and goes back to. */
  readonly list: string;
  readonly take: Take;
  /** Its place in the take. */
  readonly position: number;
}

export class RedisDelivery extends HeldDelivery {
  readonly unacked: Unacked;
  readonly item: HeldItem;

  constructor(unacked: Unacked, item: HeldItem, message: Message) {
    super(message, item.queue, item.tag, redeliveryCount(message));
    this.unacked = unacked;
    this.item = item;
  }

  /** Done, and its result written in the same step. */
  complete(result: ResultWrite): Promise<Settled> {
    return this.begin() ?? this.unacked.acknowledge(this, result);
  }

  override ack(): Promise<Settled> {
    return this.begin() ?? this.unacked.acknowledge(this, undefined);
  }

  /** The same without a promise, as most deliveries end. */
  finish(result: ResultWrite | undefined, listener: SettledListener): void {
    const early = this.begin();
    if (early === undefined) this.unacked.finish(this, result, listener);
    else tell(early, listener);
  }

  /** Done, with everything that its end sets in motion; the members of a chord that it completes come back instead. */
  end(ending: EndingWrite): Promise<Settled | readonly string[]> {
    return this.attempt(() => this.unacked.end(this, ending));
  }

  fail(record: FailureRecord): Promise<Settled> {
    return this.end({ ...NOTHING, failed: failedWrite(record) }) as Promise<Settled>;
  }

  async remember(record: FailureRecord): Promise<void> {
    const write = failedWrite(record);
    const text = keptText(record, encodeEnvelope(this.message));
    await this.unacked.remember(failedArguments(write, `${write.about}\n${text}`));
  }

  protected override settle(answer: Answer): Promise<Settled> {
    return this.unacked.settle(this, answer);
  }
}

const NOTHING: EndingWrite = { results: [], sends: [], closes: undefined, part: undefined, failed: undefined, again: 'first' };

export function tell(settling: Promise<Settled>, listener: SettledListener): void {
  settling.then(
    (settled) => listener.settled(settled),
    (error: unknown) => listener.unsettled(error),
  );
}
