/** One child as its pool handles it: a process or a thread behind the same few verbs. */
import type { ChildSetting, FromChild, ToChild } from './child-messages.js';

export interface Member {
  /** `ForkPoolWorker-1`, `ThreadPoolWorker-1`. */
  readonly name: string;
  /** Of the process that it is, or is in. */
  readonly pid: number;
  send(message: ToChild): void;
  /** Where its code is, innermost frame first; undefined when it waits for something, or does not say. */
  stack(): Promise<readonly string[] | undefined>;
  /** Ends it whatever it does; {@link MemberEvents.gone} follows. */
  kill(): void;
}

/** How a child ended. */
export interface MemberEnding {
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly detail?: string;
}

/** Called by a member, never from within its construction. */
export interface MemberEvents {
  message(message: FromChild): void;
  /** Something was written past our logger: by native code, by Node itself as its last words. */
  printed(line: string): void;
  /** Once, and nothing after it. */
  gone(ending: MemberEnding): void;
}

/** What makes a pool of processes differ from one of threads. */
export interface MemberKind {
  readonly kind: 'prefork' | 'threads';
  readonly weigh: ChildSetting['weigh'];
  /** The name of the nth child. */
  nameOf(index: number): string;
  /** What marks its lines in the log. */
  logFields(name: string): Readonly<Record<string, string>>;
  spawn(name: string, events: MemberEvents): Member;
}
