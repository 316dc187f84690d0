/** Everything that is fuzzed, and how much of it: messages first, for they come from strangers. */
import type { Target } from './target.js';
import { bodiesTarget, describedTarget, eventsTarget, pidboxTarget, resultsTarget } from './targets/messages.js';
import { bytesTarget, storedTarget } from './targets/stored.js';
import { argvTarget, configTarget, scheduleTarget, signatureTarget, urlTarget } from './targets/words.js';
import { workerTarget } from './targets/worker.js';

export interface TargetShare {
  readonly make: () => Target;
  /** How much of `--count` goes to it. */
  readonly share: number;
}

export const TARGETS: Readonly<Record<string, TargetShare>> = {
  worker: { make: workerTarget, share: 0.4 },
  pidbox: { make: pidboxTarget, share: 0.15 },
  events: { make: eventsTarget, share: 0.15 },
  results: { make: resultsTarget, share: 0.15 },
  described: { make: describedTarget, share: 0.1 },
  bodies: { make: bodiesTarget, share: 0.05 },
  // These are no messages, and come on top of the count.
  signature: { make: signatureTarget, share: 0.05 },
  stored: { make: storedTarget, share: 0.05 },
  bytes: { make: bytesTarget, share: 0.05 },
  config: { make: configTarget, share: 0.05 },
  argv: { make: argvTarget, share: 0.02 },
  url: { make: urlTarget, share: 0.1 },
  schedule: { make: scheduleTarget, share: 0.1 },
};

/** The six that read messages. */
export const MESSAGES: ReadonlySet<string> = new Set(['worker', 'pidbox', 'events', 'results', 'described', 'bodies']);
