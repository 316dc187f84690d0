/** One round of questions to the workers: each is asked once, whoever wants the answer. */
import type { Control } from '../../remote-control/control.js';
import type { Reply } from '../../remote-control/broadcast.js';
import type { CommandArguments } from '../../remote-control/command.js';

export interface Answers {
  readonly replies: readonly Reply[];
  /** How many workers had the question, where the broker knows. */
  readonly reached: number | undefined;
}

export interface RoundParts {
  readonly control: Pick<Control, 'gather'>;
  /** Seconds to wait for the next answer. */
  readonly patienceS: number;
  readonly signal: AbortSignal;
}

export class Round {
  readonly #parts: RoundParts;
  readonly #asked = new Map<string, Promise<Answers>>();

  constructor(parts: RoundParts) {
    this.#parts = parts;
  }

  ask(method: string, args: CommandArguments = {}): Promise<Answers> {
    let answers = this.#asked.get(method);
    if (answers === undefined) {
      answers = this.#gather(method, args);
      // Whoever asked hears of it; should nobody wait any more, it is no crash.
      answers.catch(() => {});
      this.#asked.set(method, answers);
    }
    return answers;
  }

  /** The same in the words of `control`, for whoever asks by itself. */
  readonly gather: Control['gather'] = async (method, args, { onSent }) => {
    const { replies, reached } = await this.ask(method, args);
    onSent?.(reached);
    return [...replies];
  };

  async #gather(method: string, args: CommandArguments): Promise<Answers> {
    const { control, patienceS, signal } = this.#parts;
    let reached: number | undefined;
    const replies = await control.gather(method, args, {
      timeout: patienceS,
      signal,
      onSent: (count) => {
        reached = count;
      },
    });
    return { replies, reached };
  }
}
