/** What can be fuzzed: where its inputs come from, and what reads them. */
import { CtqError } from '../../src/errors.js';
import type { Random } from './random.js';

export interface Target {
  readonly name: string;
  open?(): Promise<void>;
  /** Makes input number so-and-so; the same for the same random numbers. */
  make(random: Random): string;
  /**
   * Reads it. What it throws must be an error of ours, said in one line; a promise is waited for.
   *
   * @throws Whatever else is wrong: that is a finding.
   */
  read(input: string): void | Promise<void>;
  /** Looks at what many inputs left behind, and begins anew. */
  settle?(): Promise<void>;
  close?(): Promise<void>;
}

/** An error that a user may meet: one of ours. */
export function isFine(error: unknown): boolean {
  return error instanceof CtqError && error.message !== '';
}

/** Runs what may throw an error of ours. */
export function tolerate(act: () => unknown): void {
  try {
    act();
  } catch (error) {
    if (!isFine(error)) throw error;
  }
}

export async function tolerateAsync(act: () => unknown): Promise<void> {
  try {
    await act();
  } catch (error) {
    if (!isFine(error)) throw error;
  }
}
