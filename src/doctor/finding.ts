/** What the doctor may find. A kind is one entry in one of the tables of `checks/`. */
import type { Facts } from './facts.js';

/** `note`: good to know. `warning`: will hurt one day. `serious`: loses or stops work. */
export type Weight = 'note' | 'warning' | 'serious';

/** One place where something was found. */
export interface Symptom {
  /** A whole sentence. */
  readonly what: string;
  /** Where it is another one than the kind's. */
  readonly weight?: Weight;
  readonly why?: string;
  readonly remedy?: string;
}

export interface Check {
  /** Stable, in kebab-case: scripts read it. */
  readonly kind: string;
  readonly weight: Weight;
  /** Why it matters. */
  readonly why: string;
  /** What to do. */
  readonly remedy: string;
  readonly look: (facts: Facts) => readonly Symptom[];
}

export interface Finding {
  readonly kind: string;
  readonly weight: Weight;
  readonly what: string;
  readonly why: string;
  readonly remedy: string;
}
