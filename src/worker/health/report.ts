/** What a probe is told: the worker's own words, and what the thread knows that wrote them down. */
import type { Problem, Verdict } from './vitals.js';

/** What the worker posts once a second. */
export interface HealthStatus extends Verdict {
  readonly state: string;
  readonly running: number;
  readonly slots: number;
}

export interface HealthReport extends HealthStatus {
  readonly node: string;
  readonly pid: number;
  /** When it was written, ISO 8601: the age of a file tells whether its writer lives. */
  readonly at: string;
}

export interface HealthIdentity {
  readonly node: string;
  readonly pid: number;
  readonly patienceMs: number;
}

/** An event loop that is silent for so long serves nobody; whether it is stuck, only the patience says. */
const SILENT_MS = 10_000;

const BEFORE_THE_FIRST: HealthStatus = {
  ...{ live: true, ready: false, state: 'starting', running: 0, slots: 0 },
  problems: [{ code: 'starting', text: 'it is not ready yet', seconds: 0 }],
};

export function healthReport(
  { node, pid, patienceMs }: HealthIdentity,
  status: HealthStatus = BEFORE_THE_FIRST,
  silentMs: number,
  at: Date,
): HealthReport {
  const blocked: Problem[] =
    silentMs < Math.min(SILENT_MS, patienceMs)
      ? []
      : [{ code: 'loop-blocked', text: 'the event loop does not turn: a task computes in it', seconds: Math.round(silentMs / 1000) }];
  const problems = [...blocked, ...status.problems];
  return {
    ...{ node, pid, live: status.live && silentMs < patienceMs, ready: status.ready && blocked.length === 0 },
    ...{ state: status.state, running: status.running, slots: status.slots, problems, at: at.toISOString() },
  };
}
