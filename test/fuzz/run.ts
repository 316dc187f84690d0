/** Runs the cases of one target one after another and tells what went wrong with which. */
import { Random } from './random.js';
import type { Target } from './target.js';

export interface Cases {
  readonly seed: string;
  readonly from: number;
  readonly count: number;
}

export interface Finding {
  readonly target: string;
  readonly seed: string;
  /** The number of the case; where nobody saw which one it was, of the last of a batch. */
  readonly number: number;
  readonly what: string;
  readonly input: string;
}

/** After so many the target looks at what they left behind. */
const BATCH = 500;
/** Nothing that is read computes for longer, on the slowest machine; and nothing waits for so long, on one that stands still for a while. */
const [SLOWEST_MS, LONGEST_WAIT_MS] = [5_000, 30_000];
const MOST_FINDINGS = 20;

export function inputOf(target: Target, seed: string, number: number): string {
  return target.make(new Random(`${target.name} ${seed} ${number}`));
}

/** @param progress - Told before each case which one it is. */
export async function runCases(
  target: Target,
  { seed, from, count }: Cases,
  progress: (number: number) => void = () => {},
): Promise<Finding[]> {
  const findings: Finding[] = [];
  let [number, input] = [from, ''];
  const note = (error: unknown): void => {
    const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
    if (findings.length < MOST_FINDINGS) findings.push({ target: target.name, seed, number, what, input });
  };
  // Whatever nobody waited for.
  process.on('uncaughtException', note);
  process.on('unhandledRejection', note);
  try {
    await target.open?.();
    for (; number < from + count; number += 1) {
      input = inputOf(target, seed, number);
      progress(number);
      await readOne(target, input, note);
      if ((number - from) % BATCH === BATCH - 1) await settle(target, note);
    }
    await settle(target, note);
  } finally {
    await target.close?.().catch(note);
    process.off('uncaughtException', note);
    process.off('unhandledRejection', note);
  }
  return findings;
}

async function readOne(target: Target, input: string, note: (error: unknown) => void): Promise<void> {
  const startedAt = performance.now();
  const usage = process.cpuUsage();
  try {
    const reading = target.read(input);
    if (reading instanceof Promise) await reading;
  } catch (error) {
    note(error);
  }
  const tookMs = performance.now() - startedAt;
  if (tookMs <= SLOWEST_MS) return;
  const { user, system } = process.cpuUsage(usage);
  if ((user + system) / 1000 > SLOWEST_MS || tookMs > LONGEST_WAIT_MS) note(new Error(`it took ${Math.round(tookMs)} ms`));
}

async function settle(target: Target, note: (error: unknown) => void): Promise<void> {
  try {
    await target.settle?.();
  } catch (error) {
    note(error);
  }
  // What was rejected a moment ago is reported in the next turn.
  await new Promise((resolve) => setImmediate(resolve));
}
