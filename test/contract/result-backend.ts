/** What every result backend must pass, and the settlement that joins it to a broker. */
import { afterEach, describe, expect, test } from 'vitest';
import type { Broker } from '../../src/broker.js';
import type { ResultBackend } from '../../src/result-backend.js';
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

export interface ResultBackendCase {
  readonly title: string;
  readonly timeoutMs?: number;
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
    const opened: { close(): Promise<void> }[] = [];
    let running: RunningResultEngine | undefined;

    afterEach(async () => {
      await Promise.allSettled(opened.splice(0).map((one) => one.close()));
      await running?.stop();
      running = undefined;
    });

    for (const [section, cases] of Object.entries(sections)) {
      describe(section, () => {
        for (const { title, timeoutMs = 15_000, onlyJointly, run } of cases) {
          const reason = skips[title] ?? (engine.settlesJointly ? undefined : onlyJointly);
          if (reason !== undefined) {
            test.skip(`${title} (skipped: ${reason})`, () => {});
            continue;
          }
          test(title, { timeout: timeoutMs }, async () => {
            const started = await engine.start();
            running = started;
            const keep = async <T extends { close(): Promise<void> }>(opening: Promise<T>): Promise<T> => {
              const one = await opening;
              opened.push(one);
              return one;
            };
            await run({
              settlesJointly: engine.settlesJointly,
              open: ({ resultExpires = 86_400 } = {}) => keep(started.open({ resultExpires })),
              openBroker: () => keep(started.openBroker()),
            });
          });
        }
      });
    }

    test('every skipped case exists', () => {
      const titles = new Set(Object.values(sections).flatMap((cases) => cases.map(({ title }) => title)));
      expect(Object.keys(skips).filter((title) => !titles.has(title))).toEqual([]);
    });
  });
}
