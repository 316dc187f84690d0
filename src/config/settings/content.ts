/** What is read and written. */
import { flag, list, needless, timeZone, type Setting } from '../setting-kinds.js';

export const CONTENT = {
  // ── What is read and written ──────────────────────────────────────────────────────────────────
  /** Serializers, or content types, that a reader takes. */
  acceptContent: list(['json'], 'CELERY_ACCEPT_CONTENT'),
  /** The same for results; null: as `acceptContent`. */
  resultAcceptContent: needless(
    list(null, 'RESULT_ACCEPT_CONTENT'),
    'results are JSON, and nothing else is read; a list without it is refused',
  ),
  /** False makes naive local times; the wire stays UTC. */
  enableUtc: flag(true, 'ENABLE_UTC'),
  /** Zone of beat, and of an eta without an offset; null is UTC. */
  timezone: timeZone('CELERY_TIMEZONE'),
  /** Modules to load with the app. */
  imports: list([], 'CELERY_IMPORTS'),
  /** The same, appended. */
  include: list([], 'CELERY_INCLUDE'),
} as const satisfies Readonly<Record<string, Setting<unknown>>>;
