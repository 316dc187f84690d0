/** Groups and the parts of chords inside this process. */
import type { ResultTree } from '../protocol/result-meta.js';
import type { ChordPart, ChordStore } from '../result-backend.js';
import { inResultOrder } from './chord-order.js';

interface Counters {
  size: number | undefined;
  extra: number;
  readonly parts: Map<string, ChordPart>;
}

export class MemoryChords implements ChordStore {
  readonly #chords = new Map<string, Counters>();
  readonly #groups = new Map<string, ResultTree>();

  async setSize(groupId: string, size: number): Promise<void> {
    this.#counters(groupId).size = size;
  }

  async grow(groupId: string): Promise<void> {
    this.#counters(groupId).extra += 1;
  }

  async report(part: ChordPart): Promise<readonly ChordPart[] | undefined> {
    const { size, extra, parts } = this.#counters(part.groupId);
    parts.set(part.taskId, part);
    return size !== undefined && parts.size >= size + extra ? inResultOrder([...parts.values()]) : undefined;
  }

  async close(groupId: string): Promise<void> {
    this.#chords.delete(groupId);
  }

  async saveGroup(groupId: string, tree: ResultTree): Promise<void> {
    this.#groups.set(groupId, tree);
  }

  async loadGroup(groupId: string): Promise<ResultTree | undefined> {
    return this.#groups.get(groupId);
  }

  async deleteGroup(groupId: string): Promise<void> {
    this.#groups.delete(groupId);
  }

  #counters(groupId: string): Counters {
    const known = this.#chords.get(groupId);
    if (known !== undefined) return known;
    const fresh: Counters = { size: undefined, extra: 0, parts: new Map() };
    this.#chords.set(groupId, fresh);
    return fresh;
  }
}
