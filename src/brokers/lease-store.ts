/**
 * What a broker engine must offer so that deliveries stay with the living and leave the dead.
 *
 * Every consumer is an *owner*: a fresh UUID for each start of a process, so that nobody ever
 * inherits a name. An owner proves that it lives by its *beat*, a value in the store that changes
 * each time it renews. `lease-keeper.ts` calls the methods below, in turn and never two at once,
 * from a thread that no task can block (`lease-thread.ts`); the engine opens a connection of its
 * own for it.
 *
 * All times are the store's own (Redis TIME, the one machine's clock for SQLite): the hosts' clocks
 * may disagree by hours (RELIABILITY R13, M18). A method that throws counts as "nothing seen": the
 * keeper tries again and forgets what it had observed, so that a store that froze kills nobody.
 */
export interface LeaseStore {
  /**
   * Changes our beat and renews the lease of everything we own, in one atomic step. Says what is not
   * ours any more. Must be safe before the owner has taken anything.
   */
  renew(ownerId: string): Promise<Renewal>;
  /**
   * Tells operators about us, and hears from them: which queues are paused. What cannot be told (a full
   * server) is left untold.
   */
  exchange(ownerId: string, about: string): Promise<readonly string[]>;
  /** Every owner known to the store with its beat, ours included. */
  beats(): Promise<ReadonlyMap<string, Beat>>;
  /**
   * Gives everything of a dead owner back to where it was taken from, marked as redelivered and with a
   * fresh delivery tag, and forgets the owner. Does nothing (0) when its beat is not `lastBeat` any
   * more: it has come back. Several processes may call it for one owner at the same time. With very
   * much to do it stops after most of a second and is called again: our own beat must go on.
   *
   * @returns How many deliveries went back.
   */
  takeOver(ownerId: string, lastBeat: Beat): Promise<number>;
  /**
   * Work that belongs to nobody in particular: parked deliveries that are due go back to the front of
   * their queues. May restore deliveries that other programs lost, by those programs' own rules.
   */
  housekeep(): Promise<Housekeeping>;
  close(): Promise<void>;
}

/** Compared for equality only. */
export type Beat = string | number;

export interface Renewal {
  /**
   * Deliveries, by the engine's own names, that were ours at the last beat and are not now: somebody else has taken them, or we have answered
   * them meanwhile, whatever the engine finds easier to say. Each is named once.
   */
  readonly lost: readonly string[];
  /**
   * True when the store had forgotten us: we were declared dead, or it lost its memory. Whoever holds
   * deliveries must then compare them with what the store still says it owns.
   */
  readonly forgotten: boolean;
}

export interface Housekeeping {
  /** How many deliveries went back to their queues. */
  readonly restored: number;
  /** Milliseconds until the next parked delivery is due; undefined when none waits. */
  readonly nextDueInMs: number | undefined;
}

/**
 * Opens an engine's store inside the lease thread. `options` crossed a thread boundary: plain data.
 * Each engine exports one such function from its `lease-store.ts`; `lease-thread.ts` has the table.
 */
export type OpenLeaseStore = (options: Readonly<Record<string, unknown>>) => Promise<LeaseStore>;
