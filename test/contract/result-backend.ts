/** What every result backend must pass, and the settlement that joins it to a broker. */
import { afterEach, describe } from 'vitest';
import type { Broker } from '../../src/broker.js';
import type { ResultBackend } from '../../src/result-backend.js';
import { type ContractCase, OpenedEngine, testCases } from './cases.js';
import { chordCases } from './result-backend/chords.js';
import { settlingCases } from './result-backend/settling.js';
import { storingCases } from './result-backend/storing.js';
import { waitingCases } from './result-backend/waiting.js';

export interface RunningResultEngine {
  /** Opens the store once more, as another program would. `resultExpires` is in seconds; null keeps for ever. */
  open(options: { readonly resultExpires: number | null }): Promise<ResultBackend>;
  /** A broker to settle with: the same store where the engine can do both in one step. */
  openBroker(): Promise<Broker>;
  stop(): Promise<void>;
}

export interface ResultBackendEngine {
  /** True when its broker writes result and acknowledgement in one step; else result first. */
  readonly settlesJointly: boolean;
  /** Starts an empty store. */
  start(): Promise<RunningResultEngine>;
}

/** What a case works with; all that it opens is closed after the test. */
export interface ResultBackendBench {
  readonly settlesJointly: boolean;
  open(options?: { readonly resultExpires?: number | null }): Promise<ResultBackend>;
  openBroker(): Promise<Broker>;
}

export interface ResultBackendCase extends ContractCase {
  /** Why it cannot hold where broker and results are two systems. */
  readonly onlyJointly?: string;
  run(bench: ResultBackendBench): Promise<void>;
}

const sections: Readonly<Record<string, readonly ResultBackendCase[]>> = {
  storing: storingCases,
  waiting: waitingCases,
  settling: settlingCases,
  chords: chordCases,
};

export function describeResultBackendContract(
  name: string,
  engine: ResultBackendEngine,
  skips: Readonly<Record<string, string>> = {},
): void {
  describe(`result backend contract: ${name}`, () => {
    const { settlesJointly } = engine;
    const opened = new OpenedEngine<RunningResultEngine>();
    afterEach(() => opened.stop());

    const reasonFor = ({ onlyJointly }: ResultBackendCase): string | undefined => (settlesJointly ? undefined : onlyJointly);
    testCases(sections, { skips, reasonFor }, async ({ run }) => {
      const started = await opened.start(() => engine.start());
      await run({
        settlesJointly,
        open: ({ resultExpires = 86_400 } = {}) => opened.keep(started.open({ resultExpires })),
        openBroker: () => opened.keep(started.openBroker()),
      });
    });
  });
}
