/** How long a revoke is remembered: Celery's three hours would not last until a task put off to tonight. */
export const REVOKED_KEPT_MS = 24 * 3_600_000;
