/** What a row of the matrix is: a fault, its goal, and a scenario for each broker on which it is measured. */
import type { Stage } from './stage.js';

export type System = 'ctq' | 'celery';
export type Engine = 'redis' | 'sqlite' | 'rabbitmq';

/** What a scenario counted. What is absent does not apply. */
export interface Measured {
  readonly sent?: number;
  readonly executed?: number;
  /** Neither run nor in the broker any more. */
  readonly lost?: number;
  /** Still in the broker when the watch ended. */
  readonly waiting?: number;
  /** Ended more than once. */
  readonly repeated?: number;
  /** From the fault, or its end where the row says so, to the work going on. */
  readonly recoveryS?: number | undefined;
  /** What else the row is about, in a few words. */
  readonly note?: string;
  /** Goals of the row that are not figures above; each that is false is named. */
  readonly also?: Readonly<Record<string, boolean>>;
}

/** What the row asks of ctq; Celery is only measured. */
export interface Goal {
  readonly words: string;
  readonly lost?: number;
  readonly repeated?: number;
  readonly recoveryS?: number;
  /** Still waiting at the end of the watch; default 0. */
  readonly waiting?: number;
}

export interface Scenario {
  readonly engine: Engine;
  /** Default both; Celery has no SQLite broker. */
  readonly systems?: readonly System[];
  /** The goal where the engine has one of its own. */
  readonly goal?: Goal;
  run(stage: Stage): Promise<Measured>;
}

export interface Row {
  readonly id: string;
  readonly fault: string;
  readonly goal: Goal;
  readonly scenarios: readonly Scenario[];
  /** Where the promise is tested in every run, relative to test/. */
  readonly tests?: readonly string[];
  /** Shown under the table: what a reader must know to read the figures. */
  readonly remark?: string;
}

export interface Result extends Measured {
  readonly row: string;
  readonly engine: Engine;
  readonly system: System;
  readonly version: string;
  /** Short: a tenth of the load, to see that the scenario works. */
  readonly short: boolean;
  readonly seconds: number;
  /** Of the machine when it began: processes that wanted a core. */
  readonly load: number;
  readonly at: string;
  /** For ctq: the goals that it missed, in words. */
  readonly missed: readonly string[];
  /** The scenario itself could not be run. */
  readonly failed?: string;
}

/** This machine has not what the scenario needs; it is skipped, and says why. */
export class NotHere extends Error {
  override name = 'NotHere';
}

/** What of the goal was missed. */
export function missedGoals(goal: Goal, measured: Measured): string[] {
  const missed: string[] = [];
  const { lost, repeated, recoveryS, waiting, also = {} } = measured;
  if (lost !== undefined && lost > (goal.lost ?? 0)) missed.push(`${lost} lost`);
  if (waiting !== undefined && waiting > (goal.waiting ?? 0)) missed.push(`${waiting} not run within the watch`);
  if (repeated !== undefined && goal.repeated !== undefined && repeated > goal.repeated) missed.push(`${repeated} repeated`);
  if (goal.recoveryS !== undefined && measured.executed !== undefined && recoveryS === undefined) missed.push('no recovery seen');
  if (goal.recoveryS !== undefined && recoveryS !== undefined && recoveryS > goal.recoveryS) {
    missed.push(`recovery took ${recoveryS.toFixed(1)} s`);
  }
  for (const [name, kept] of Object.entries(also)) if (!kept) missed.push(`not: ${name}`);
  return missed;
}
