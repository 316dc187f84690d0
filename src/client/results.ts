/** Turns ids and trees into handles: the one place that knows both kinds. */
import type { Handle } from '../canvas/handle.js';
import { handleOf } from '../canvas/handle.js';
import type { ResultTree } from '../protocol/result-meta.js';
import type { ResultBackend } from '../result-backend.js';
import { AsyncResult, SentTask } from './async-result.js';
import { chordStoreOf, GroupResult, SentGroup } from './group-result.js';
import type { AnyResult, ResultSource, RevokeOptions } from './result-source.js';

export interface ResultsParts {
  readonly backend: () => Promise<ResultBackend>;
  readonly revoke: (ids: readonly string[], options: RevokeOptions) => Promise<void>;
}

export class Results implements ResultSource {
  private readonly parts: ResultsParts;

  constructor(parts: ResultsParts) {
    this.parts = parts;
  }

  backend(): Promise<ResultBackend> {
    return this.parts.backend();
  }

  revoke(ids: readonly string[], options: RevokeOptions): Promise<void> {
    return this.parts.revoke(ids, options);
  }

  fromTree(tree: ResultTree, parent: AnyResult | null = null): AnyResult {
    return this.fromHandle(handleOf(tree), parent);
  }

  fromHandle(handle: Handle, parent: AnyResult | null = null): AnyResult {
    const before = this.before(handle) ?? parent;
    if (handle.members === null) return new AsyncResult(handle.id, this, before);
    return new GroupResult(handle.id, this.members(handle.members), this, before);
  }

  /** The handle of something that is on its way to the broker. */
  sent(handle: Handle, published: Promise<void>): SentTask | SentGroup {
    const before = this.before(handle);
    if (handle.members === null) return new SentTask(handle.id, this, published, before);
    return new SentGroup(handle.id, this.members(handle.members), this, published, before);
  }

  /** A group that was saved; undefined when nothing is kept under this id. */
  async restore(groupId: string): Promise<GroupResult | undefined> {
    const tree = await (await chordStoreOf(this)).loadGroup(groupId);
    if (tree === undefined) return undefined;
    const result = this.fromTree(tree);
    return result instanceof GroupResult ? result : undefined;
  }

  private before({ parent }: Handle): AnyResult | null {
    return parent === null ? null : this.fromHandle(parent);
  }

  private members(handles: readonly Handle[]): AnyResult[] {
    return handles.map((handle) => this.fromHandle(handle));
  }
}
