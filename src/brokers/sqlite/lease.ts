/** The consumer's end of its lease, which a thread keeps. */
import type { ConsumerCounts } from '../lease-keeper.js';

/** Keeps an owner's beat going, from a thread that no task can block. */
export interface Lease {
  /** Says it with each beat from now on. */
  tell(about: ConsumerCounts): void;
  stop(): Promise<void>;
}

export interface LeaseNews {
  /** Somebody declared us dead. */
  forgotten(): void;
  renewed(): void;
  /** These queues are paused. */
  paused(queues: readonly string[]): void;
}

/** @param about - Said with the first beat. */
export type StartLease = (ownerUuid: string, about: ConsumerCounts, news: LeaseNews) => Lease;
