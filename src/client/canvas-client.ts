/**
 * Carries plans out: what the backend must know first, then the messages, together. Above it are
 * signatures, below it the producer.
 */
import { type Handle, treeOf } from '../canvas/handle.js';
import type { Addition, CanvasNode } from '../canvas/node.js';
import { type Plan, plan } from '../canvas/plan.js';
import type { CanvasSender } from '../canvas/signature.js';
import type { SentTask } from './async-result.js';
import { chordStoreOf, type SentGroup } from './group-result.js';
import type { Producer } from './producer.js';
import type { AnyResult } from './result-source.js';
import type { Results } from './results.js';

export interface CanvasClientParts {
  readonly producer: () => Producer;
  readonly results: () => Results;
  readonly chordErrbacks: () => CanvasSender['chordErrbacks'];
}

export class CanvasClient implements CanvasSender {
  private readonly parts: CanvasClientParts;

  constructor(parts: CanvasClientParts) {
    this.parts = parts;
  }

  get chordErrbacks(): CanvasSender['chordErrbacks'] {
    return this.parts.chordErrbacks();
  }

  /** @throws ConfigError for a canvas that cannot be run, ProtocolError for arguments that cannot be written: nothing is sent then. */
  sendCanvas(node: CanvasNode, call: Addition): SentTask | SentGroup {
    const planned = plan(node, call);
    const { calls, chords, child, result } = planned;
    const send = this.parts.producer().prepareAll(calls, child === undefined ? undefined : treeOf(child));
    const published = chords.length === 0 ? send() : this.writeDown(planned).then(send);
    return this.parts.results().sent(result, published);
  }

  resultOf(handle: Handle): AnyResult {
    return this.parts.results().fromHandle(handle);
  }

  /** A part may end before the last one is sent: how many there are must be known by then. */
  private async writeDown({ chords }: Plan): Promise<void> {
    const store = await chordStoreOf(this.parts.results());
    await Promise.all(
      chords.flatMap(({ groupId, size, header }) => [
        store.setSize(groupId, size),
        ...(header === undefined ? [] : [store.saveGroup(groupId, treeOf(header))]),
      ]),
    );
  }
}
