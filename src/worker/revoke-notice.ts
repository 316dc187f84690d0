/**
 * What follows when tasks are revoked by remote control. It is kept for workers that are away, for
 * whoever asked may have been a Python client, who tells only those that listen. And who waits for the
 * results hears of it at once, as from Celery 5.6, not only when a worker comes across the message.
 */
import type { Broker } from '../broker.js';
import type { Logger } from '../logger.js';
import { namedError } from '../protocol/exception.js';
import type { ResultMeta } from '../protocol/result-meta.js';
import { isReady, REVOKED } from '../protocol/states.js';
import type { ResultBackend } from '../result-backend.js';
import { REVOKED_KEPT_MS } from '../remote-control/revoked-for.js';
import type { ResultDocuments } from './result-document.js';

/** A list longer than this comes from a mistake; its ids are revoked all the same. */
const MOST_AT_ONCE = 1_000;

export interface RevokeNoticeParts {
  readonly broker: Broker;
  readonly backend: ResultBackend;
  readonly documents: ResultDocuments;
  readonly logger: Logger;
  /** What runs is not stopped by a revoke alone, and will store its own end. */
  readonly isRunning: (id: string) => boolean;
}

export class RevokeNotice {
  readonly #parts: RevokeNoticeParts;

  constructor(parts: RevokeNoticeParts) {
    this.#parts = parts;
  }

  /** Begins and returns; a backend that is away costs only the early word. */
  announce(ids: readonly string[], results: 'mark' | 'leave'): void {
    const { broker, isRunning, logger } = this.#parts;
    broker.revocations?.add(ids, REVOKED_KEPT_MS).catch((error: unknown) => {
      logger.warning('Revoked tasks could not be kept for other workers: %s', error instanceof Error ? error.message : String(error));
    });
    if (results === 'leave') return;
    const waiting = ids.slice(0, MOST_AT_ONCE).filter((id) => !isRunning(id));
    void this.#store(waiting).catch((error: unknown) => {
      logger.warning('Failed to mark revoked tasks in the result backend: %s', error instanceof Error ? error.message : String(error));
    });
  }

  async #store(ids: readonly string[]): Promise<void> {
    const { backend, documents } = this.#parts;
    for (const id of ids) {
      const known = await backend.load(id);
      if (known !== undefined && isReady(known.status)) continue;
      const error = namedError('TaskRevokedError', ['revoked']);
      const meta: ResultMeta = { ...documents.bare(id, REVOKED, error), children: null };
      await backend.store(meta);
    }
  }
}
