/** What a consumer says of itself, for operators: written with its beat, read by `ctq queues`. */

export interface ConsumerAbout {
  /** The worker's node name. */
  readonly node: string;
  readonly queues: readonly QueueAbout[];
}

export interface QueueAbout {
  readonly name: string;
  /** Tasks done with since it began. */
  readonly finished: number;
  /** The same, a second, over the last ten. */
  readonly rate: number;
}

export function writeAbout(about: ConsumerAbout): string {
  return JSON.stringify({ node: about.node, queues: about.queues.map(({ name, finished, rate }) => [name, finished, rate]) });
}

/** undefined for what is none: it came out of a store. */
export function readAbout(text: string): ConsumerAbout | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { node, queues } = value as Readonly<Record<string, unknown>>;
  if (typeof node !== 'string' || !Array.isArray(queues)) return undefined;
  return { node, queues: queues.map((entry: unknown) => readQueue(entry)).filter((entry) => entry !== undefined) };
}

function readQueue(entry: unknown): QueueAbout | undefined {
  if (!Array.isArray(entry)) return undefined;
  const [name, finished, rate] = entry as readonly unknown[];
  if (typeof name !== 'string' || typeof finished !== 'number' || typeof rate !== 'number') return undefined;
  return { name, finished, rate };
}

const WINDOW_MS = 10_000;

/** Counts per queue at several moments → how fast they grow now. */
export class Pace {
  #samples: { readonly atMs: number; readonly counts: ReadonlyMap<string, number> }[] = [];

  /** @returns Growth a second over the last ten seconds, or as long as it has been watched. */
  rates(atMs: number, counts: ReadonlyMap<string, number>): ReadonlyMap<string, number> {
    this.#samples.push({ atMs, counts });
    // The oldest one that is not younger than the window begins it.
    while (this.#samples.length > 2 && atMs - (this.#samples[1]?.atMs ?? atMs) >= WINDOW_MS) this.#samples.shift();
    const first = this.#samples[0];
    const spanMs = first === undefined ? 0 : atMs - first.atMs;
    const rates = new Map<string, number>();
    for (const [name, count] of counts) {
      rates.set(name, spanMs <= 0 ? 0 : Math.max(0, ((count - (first?.counts.get(name) ?? 0)) / spanMs) * 1000));
    }
    return rates;
  }
}

/** Node names as the store keeps them with a paused queue. */
export function stoppedNodes(text: string | null): readonly string[] {
  try {
    const value: unknown = JSON.parse(text ?? '[]');
    return Array.isArray(value) ? value.filter((node): node is string => typeof node === 'string') : [];
  } catch {
    return [];
  }
}
