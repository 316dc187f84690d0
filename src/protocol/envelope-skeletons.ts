/** The skeletons of the senders that were heard last. */
import { EnvelopeSkeleton, isReadable, type ReadEnvelope } from './envelope-skeleton.js';
import type { Message } from './message.js';

/** Each that does not fit costs a comparison. */
const MOST = 8;
/** Messages that no skeleton fits are told from those of a new sender by how many there are: of these only each so-manieth is learned from. */
const SELDOM = 32;

export class EnvelopeSkeletons {
  readonly #decodeBody: (text: string) => Uint8Array;
  /** Whoever fitted last is asked first. */
  #skeletons: EnvelopeSkeleton[] = [];
  #misses = 0;

  constructor(decodeBody: (text: string) => Uint8Array) {
    this.#decodeBody = decodeBody;
  }

  /** Undefined where no skeleton fits. @throws ProtocolError for a body that is no base64. */
  read(text: string): Message | undefined {
    const skeletons = this.#skeletons;
    if (skeletons.length === 0 || !isReadable(text)) return undefined;
    for (let index = 0; index < skeletons.length; index += 1) {
      const skeleton = skeletons[index] as EnvelopeSkeleton;
      const message = skeleton.read(text);
      if (message === undefined) continue;
      this.#misses = 0;
      if (index > 0) this.#skeletons = [skeleton, ...skeletons.slice(0, index), ...skeletons.slice(index + 1)];
      return message;
    }
    return undefined;
  }

  /** Remembers what an envelope that was parsed looks like. */
  learn(read: ReadEnvelope): void {
    this.#misses += 1;
    if (this.#misses > MOST && this.#misses % SELDOM !== 0) return;
    const skeleton = EnvelopeSkeleton.of(read, this.#decodeBody);
    if (skeleton !== undefined) this.#skeletons = [skeleton, ...this.#skeletons.slice(0, MOST - 1)];
  }
}
