/**
 * The book of a fault test: what was sent, what ran and how often, read from the marks that tasks leave
 * (`<name>.begin.<uuid>`, `<name>.end.<uuid>`). Marks are files, so no crash of a worker loses one.
 */
import { readdirSync } from 'node:fs';

export interface Tally {
  readonly sent: number;
  /** Sent and never finished. */
  readonly lost: readonly string[];
  /** Finished more than once. */
  readonly repeated: readonly string[];
}

export class Ledger {
  readonly #folder: string;
  readonly #sent: string[] = [];

  constructor(folder: string) {
    this.#folder = folder;
  }

  sent(name: string): void {
    this.#sent.push(name);
  }

  tally(): Tally {
    const ends = new Map<string, number>();
    for (const file of readdirSync(this.#folder)) {
      const [name, stage] = file.split('.');
      if (stage === 'end' && name !== undefined) ends.set(name, (ends.get(name) ?? 0) + 1);
    }
    return {
      sent: this.#sent.length,
      lost: this.#sent.filter((name) => !ends.has(name)),
      repeated: this.#sent.filter((name) => (ends.get(name) ?? 0) > 1),
    };
  }

  /** How often it began. */
  begun(name: string): number {
    return this.#marks(name, 'begin');
  }

  /** How often it finished. */
  ended(name: string): number {
    return this.#marks(name, 'end');
  }

  #marks(name: string, stage: 'begin' | 'end'): number {
    return readdirSync(this.#folder).filter((file) => file.startsWith(`${name}.${stage}.`)).length;
  }
}
