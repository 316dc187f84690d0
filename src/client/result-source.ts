/** Where results come from: the backend, opened on first need and shared, and whoever turns ids into handles. */
import type { ResultTree } from '../protocol/result-meta.js';
import type { ResultBackend } from '../result-backend.js';
import type { AsyncResult } from './async-result.js';
import type { GroupResult } from './group-result.js';

/** What becomes of a revoked task that runs already. */
export interface RevokeOptions {
  /** Also end it where it runs. */
  readonly terminate?: boolean;
  /** What to end it with, where that is a process; default SIGTERM. */
  readonly signal?: string;
}

export interface ResultSource {
  backend(): Promise<ResultBackend>;
  /** The handle that a stored tree stands for. */
  fromTree(tree: ResultTree, parent: AnyResult | null): AnyResult;
  /** Tells all workers not to run these tasks. */
  revoke(ids: readonly string[], options: RevokeOptions): Promise<void>;
}

/** What waits for one task, or for the parts of a group. */
export type AnyResult = AsyncResult | GroupResult;
