/** What every contract is made of: sections of cases, each of which becomes a test of an engine, whole also where it is switched off. */
import { describe, expect, test } from 'vitest';
import { testUnless } from '../support/requires.js';

export interface ContractCase {
  readonly title: string;
  readonly timeoutMs?: number;
}

export interface Skips<Case extends ContractCase> {
  /** By title: why this engine cannot keep the case. */
  readonly skips: Readonly<Record<string, string>>;
  /** Why nobody of this engine's kind can. */
  readonly reasonFor?: (one: Case) => string | undefined;
}

export function testCases<Case extends ContractCase>(
  sections: Readonly<Record<string, readonly Case[]>>,
  { skips, reasonFor = () => undefined }: Skips<Case>,
  run: (one: Case) => Promise<void>,
): void {
  for (const [section, cases] of Object.entries(sections)) {
    describe(section, () => {
      for (const one of cases)
        testUnless(skips[one.title] ?? reasonFor(one), one.title, () => run(one), { timeout: one.timeoutMs ?? 60_000 });
    });
  }

  test('every skipped case exists', () => {
    const titles = new Set(Object.values(sections).flatMap((cases) => cases.map(({ title }) => title)));
    expect(Object.keys(skips).filter((title) => !titles.has(title))).toEqual([]);
  });
}

/** An engine for each test that asks for one, and what is opened of it: closed and stopped when the test ends. */
export class OpenedEngine<Running extends { stop(): Promise<void> }> {
  readonly #opened: { close(): Promise<void> }[] = [];
  #running: Running | undefined;

  async start(start: () => Promise<Running>): Promise<Running> {
    this.#running = await start();
    return this.#running;
  }

  async keep<One extends { close(): Promise<void> }>(opening: Promise<One>): Promise<One> {
    const one = await opening;
    this.#opened.push(one);
    return one;
  }

  async stop(): Promise<void> {
    await Promise.allSettled(this.#opened.splice(0).map((one) => one.close()));
    await this.#running?.stop();
    this.#running = undefined;
  }
}
