/** A message that this process owns. */
import type { Settled } from '../../broker.js';
import type { Message } from '../../protocol/message.js';
import type { ResultRow } from '../../result-backends/sqlite/rows.js';
import { type Answer, HeldDelivery } from '../held-delivery.js';
import type { Claim } from './messages.js';

/** A result to be written in the transaction of the answer. */
export interface JointResult {
  readonly row: ResultRow;
  /** Seconds; 0 or null keeps it for ever. */
  readonly resultExpires: number | null;
}

export interface AnswerTaker {
  settle(delivery: SqliteDelivery, answer: Answer, result?: JointResult): Promise<Settled>;
}

export class SqliteDelivery extends HeldDelivery<JointResult> {
  readonly claim: Claim;
  readonly #taker: AnswerTaker;

  constructor(message: Message, claim: Claim, redeliveries: number, taker: AnswerTaker) {
    super(message, claim.queue, `${claim.id}.${claim.take}`, redeliveries);
    this.claim = claim;
    this.#taker = taker;
  }

  /** Acknowledges and stores the result in one transaction: both or neither. */
  complete(result: JointResult): Promise<Settled> {
    return this.answer({ kind: 'ack' }, result);
  }

  protected override settle(answer: Answer, result?: JointResult): Promise<Settled> {
    return this.#taker.settle(this, answer, result);
  }
}
