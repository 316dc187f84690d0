/** A message that this process owns. */
import type { Settled } from '../../broker.js';
import type { FailureRecord } from '../../estate/failed-task.js';
import type { Message } from '../../protocol/message.js';
import type { ChordPart } from '../../result-backend.js';
import { type Answer, HeldDelivery } from '../held-delivery.js';
import type { JointEnding } from './joint-ending.js';
import type { Claim } from './messages.js';

export interface AnswerTaker {
  settle(delivery: SqliteDelivery, answer: Answer): Promise<Settled>;
  end(delivery: SqliteDelivery, ending: JointEnding): Promise<Settled | readonly ChordPart[]>;
  remember(delivery: SqliteDelivery, record: FailureRecord): Promise<void>;
}

const NOTHING: JointEnding = { results: [], resultExpires: null, sends: [], closes: undefined, part: undefined, failure: undefined };

export class SqliteDelivery extends HeldDelivery {
  readonly claim: Claim;
  readonly #taker: AnswerTaker;

  constructor(message: Message, claim: Claim, redeliveries: number, taker: AnswerTaker) {
    super(message, claim.queue, `${claim.id}.${claim.take}`, redeliveries);
    this.claim = claim;
    this.#taker = taker;
  }

  /** Done, with everything that its end sets in motion; the parts of a chord that it completes come back instead. */
  end(ending: JointEnding): Promise<Settled | readonly ChordPart[]> {
    return this.attempt(() => this.#taker.end(this, ending));
  }

  fail(record: FailureRecord): Promise<Settled> {
    return this.end({ ...NOTHING, failure: record }) as Promise<Settled>;
  }

  remember(record: FailureRecord): Promise<void> {
    return this.#taker.remember(this, record);
  }

  protected override settle(answer: Answer): Promise<Settled> {
    return this.#taker.settle(this, answer);
  }
}
