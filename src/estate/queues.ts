/** Queues as an operator sees them. */

/** How long the oldest message has waited; `estimate` where its sender did not write down when. */
export interface OldestMessage {
  readonly ageMs: number;
  readonly basis: 'header' | 'estimate';
}

/** What ctq workers say of themselves, of one queue together. Python's leave no trace in the store. */
export interface Consumption {
  /** Node names. */
  readonly nodes: readonly string[];
  /** Tasks done with, a second, over the last ten. */
  readonly finishRate: number;
  /** Tasks done with since those workers began. */
  readonly finished: number;
}

export interface QueueReport {
  readonly name: string;
  /** Waiting to be taken, all priorities. */
  readonly ready: number;
  /** The same by priority step, lowest step first; only steps that hold something; empty where the server does not say. */
  readonly readyByPriority: readonly { readonly priority: number; readonly count: number }[];
  /** Taken by a worker and not answered yet; undefined where the server does not say. */
  readonly unacked: number | undefined;
  /** Parked until their time; undefined where the server does not say for which queue. */
  readonly delayed: number | undefined;
  readonly paused: boolean;
  /** Undefined while no ctq worker takes from it. */
  readonly consumption?: Consumption;
  /** How many consumers the server knows, whoever they are; undefined where it does not know. */
  readonly consumerCount?: number;
  /** What the server itself measures. */
  readonly rates?: { readonly publishedPerSecond: number; readonly finishedPerSecond: number };
  readonly oldest?: OldestMessage;
}

export interface QueueDesk {
  /** Every queue that is bound, declared, or holds something; sorted by name. Reply queues are not among them. */
  names(): Promise<readonly string[]>;
  /** Reports of these queues, in this order. */
  report(names: readonly string[]): Promise<readonly QueueReport[]>;
  /** Those that nobody shall take from until they are resumed; outlives every process. */
  paused(): Promise<readonly string[]>;
  pause(names: readonly string[]): Promise<void>;
  /** Who stays away from a paused queue: ctq's workers see it here, those that start later included, or whoever is told. */
  readonly holds: 'our workers' | 'whoever is told';
  /** Remembers who was told to stop taking from a paused queue, besides those that see it here: they must be told to go on. */
  noteStopped(name: string, nodes: readonly string[]): Promise<void>;
  /** Who was told to stop taking from it; undefined when it is not paused. */
  stopped(name: string): Promise<readonly string[] | undefined>;
  resume(names: readonly string[]): Promise<void>;
}
