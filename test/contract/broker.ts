/**
 * What every broker engine must pass. An engine's test is a few lines: say how to start an empty
 * store, state the engine's facts, and list the cases it cannot keep, each with its reason.
 *
 * ```ts
 * describeBrokerContract('memory', { ...facts, start }, { 'title of a case': 'why it is skipped' });
 * ```
 */
import { afterEach, describe } from 'vitest';
import type { Broker } from '../../src/broker.js';
import { closingCases } from './broker/closing.js';
import { consumingCases } from './broker/consuming.js';
import { limitCases } from './broker/limits.js';
import { malformedCases } from './broker/malformed.js';
import { parkingCases } from './broker/parking.js';
import { queueCases } from './broker/queues.js';
import { routingCases } from './broker/routing.js';
import { revocationCases } from './broker/revocations.js';
import { settlingCases } from './broker/settling.js';
import { subscribingCases } from './broker/subscribing.js';
import { volumeCases } from './broker/volume.js';
import { type ContractCase, OpenedEngine, testCases } from './cases.js';

/** Where engines may differ and both are right. */
export interface BrokerFacts {
  /** kombu on Redis serves 0 first, RabbitMQ 9 (WIRE 6.3). */
  readonly priorityOrder: 'lowest-first' | 'highest-first';
  /** One priority of each class the engine tells apart; kombu's steps are 0, 3, 6, 9. */
  readonly prioritySteps: readonly number[];
  /** `exact` counts every redelivery, `flag` knows only 0 and 1. */
  readonly redeliveryCount: 'exact' | 'flag';
}

export interface RunningEngine {
  /** Opens the store once more, as another program would. */
  open(): Promise<Broker>;
  /** Puts bytes at the publishing end of a queue, past all our encoding, as a foreign program may. */
  putRaw?(queue: string, raw: Uint8Array): Promise<void>;
  /** What was put aside for good from this queue, oldest first. */
  deadLetters?(queue: string): Promise<readonly { readonly reason: string; readonly id: string | undefined }[]>;
  stop(): Promise<void>;
}

export interface BrokerEngine extends BrokerFacts {
  /** Starts an empty store. */
  start(): Promise<RunningEngine>;
}

/** What a case works with. */
export interface BrokerBench {
  readonly facts: BrokerFacts;
  readonly engine: RunningEngine;
  /** One more client of the same store, closed after the test. */
  open(): Promise<Broker>;
}

export interface BrokerCase extends ContractCase {
  run(bench: BrokerBench): Promise<void>;
}

const sections: Readonly<Record<string, readonly BrokerCase[]>> = {
  consuming: consumingCases,
  settling: settlingCases,
  parking: parkingCases,
  queues: queueCases,
  routing: routingCases,
  subscribing: subscribingCases,
  revocations: revocationCases,
  limits: limitCases,
  'malformed items': malformedCases,
  volume: volumeCases,
  closing: closingCases,
};

export function describeBrokerContract(name: string, engine: BrokerEngine, skips: Readonly<Record<string, string>> = {}): void {
  describe(`broker contract: ${name}`, () => {
    const opened = new OpenedEngine<RunningEngine>();
    afterEach(() => opened.stop());

    testCases(sections, { skips }, async ({ run }) => {
      const started = await opened.start(() => engine.start());
      await run({ facts: engine, engine: started, open: () => opened.keep(started.open()) });
    });
  });
}
