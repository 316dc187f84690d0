/** Groups and the parts of chords where Celery keeps them on Redis (WIRE 7.5, 7.6); `chord.lua` counts. */
import { redisScript } from '../../connections/redis/script.js';
import type { RedisArgument, RedisReply } from '../../connections/redis.js';
import type { RedisScript } from '../../connections/redis/script.js';
import { parseJson, stringifyJson } from '../../protocol/kombu-json.js';
import { isResultTree, type ResultTree } from '../../protocol/result-meta.js';
import type { ChordPart, ChordStore } from '../../result-backend.js';
import { memberText } from '../chord-order.js';
import chord from './chord.lua';
import report from './chord-report.lua';
import type { RedisResultKeys } from './keys.js';

const reportScript = redisScript(chord, report);

/** A part as the scripts take it. */
export interface PartWrite {
  /** Key of the group. */
  readonly key: string;
  readonly mode: 'zset' | 'list';
  /** The index among the results, or `+inf`. */
  readonly score: string;
  /** How the members of this task begin. */
  readonly prefix: string;
  readonly member: string;
  readonly ttlS: number;
}

export interface RedisChordsOptions {
  readonly keys: RedisResultKeys;
  /** Seconds to keep counters and groups; 0 for ever. */
  readonly ttlS: number;
  /** `result_chord_ordered` of the transport options: by index, else in order of completion. */
  readonly ordered: boolean;
  call(name: string, args: readonly RedisArgument[]): Promise<RedisReply>;
  run(script: RedisScript, keys: readonly string[], args: readonly RedisArgument[]): Promise<RedisReply>;
}

export class RedisChords implements ChordStore {
  readonly #options: RedisChordsOptions;

  constructor(options: RedisChordsOptions) {
    this.#options = options;
  }

  /** Announced like a result, as Celery does; nobody listens. */
  async setSize(groupId: string, size: number): Promise<void> {
    await this.#set(`${this.#keyOf(groupId)}.s`, String(size));
  }

  async grow(groupId: string): Promise<void> {
    await this.#options.call('incr', [`${this.#keyOf(groupId)}.t`]);
  }

  async report(part: ChordPart): Promise<readonly ChordPart[] | undefined> {
    const { key, mode, score, prefix, member, ttlS } = this.partWrite(part);
    // Told that it came again: whether it did is not known here, and looking costs only where there is no index.
    const members = await this.#options.run(reportScript, [], [key, mode, score, prefix, member, String(ttlS), '1']);
    return Array.isArray(members) && members.length > 0 ? this.partsOf(part.groupId, members as readonly string[]) : undefined;
  }

  async close(groupId: string): Promise<void> {
    const key = this.#keyOf(groupId);
    await this.#options.call('del', [`${key}.j`, `${key}.s`, `${key}.t`]);
  }

  async saveGroup(groupId: string, tree: ResultTree): Promise<void> {
    await this.#set(this.#keyOf(groupId), `{"result": ${stringifyJson(tree)}}`);
  }

  async loadGroup(groupId: string): Promise<ResultTree | undefined> {
    const text = await this.#options.call('get', [this.#keyOf(groupId)]);
    if (typeof text !== 'string') return undefined;
    const document = parseJson(text) as { readonly result?: unknown } | null;
    const tree = document?.result;
    return isResultTree(tree) ? tree : undefined;
  }

  async deleteGroup(groupId: string): Promise<void> {
    await this.#options.call('del', [this.#keyOf(groupId)]);
  }

  partWrite(part: ChordPart): PartWrite {
    const { ordered, ttlS } = this.#options;
    return {
      key: this.#keyOf(part.groupId),
      mode: ordered ? 'zset' : 'list',
      score: part.groupIndex === null ? '+inf' : String(part.groupIndex),
      prefix: `[1, ${JSON.stringify(part.taskId)}, `,
      member: memberText(part),
      ttlS,
    };
  }

  closingKey(groupId: string): string {
    return this.#keyOf(groupId);
  }

  /** Members in the order of the results, as parts; what is no member of anybody's is left out. */
  partsOf(groupId: string, members: readonly string[]): ChordPart[] {
    return members.flatMap((text) => {
      const member = parseJson(text);
      if (!Array.isArray(member)) return [];
      const [, taskId, status, result] = member as readonly unknown[];
      if (typeof taskId !== 'string' || typeof status !== 'string') return [];
      return [{ groupId, taskId, groupIndex: null, status, result: result ?? null }];
    });
  }

  async #set(key: string, text: string): Promise<void> {
    const options = this.#options;
    const { ttlS } = options;
    const stored = ttlS > 0 ? options.call('setex', [key, String(ttlS), text]) : options.call('set', [key, text]);
    await Promise.all([stored, options.call('publish', [key, text])]);
  }

  #keyOf(groupId: string): string {
    return this.#options.keys.groupKeyOf(groupId);
  }
}
