/** Settings of beat. */
import type { ScheduleEntryInput } from '../../beat/schedule-entry.js';
import { anything, seconds, text, whole, type Setting } from '../setting-kinds.js';

export const BEAT = {
  // ── Beat ──────────────────────────────────────────────────────────────────────────────────────
  /** Longest sleep between two looks at the schedule; 0 leaves it to the scheduler. Seconds. */
  beatMaxLoopInterval: seconds(0, 'CELERYBEAT_MAX_LOOP_INTERVAL'),
  /** What fires when: name → `{ task, schedule, args, kwargs, options }`; see `ScheduleEntryInput`. */
  beatSchedule: anything<Record<string, ScheduleEntryInput>>({}, 'CELERYBEAT_SCHEDULE'),
  /** Celery's class that keeps the schedule. Here entries live in the app and in the broker, and a beat that was given one says so. */
  beatScheduler: text('celery.beat:PersistentScheduler', 'CELERYBEAT_SCHEDULER'),
  /** Where beat remembers its last runs. */
  beatScheduleFilename: text('celerybeat-schedule', 'CELERYBEAT_SCHEDULE_FILENAME'),
  /** Save after so many sent tasks; 0 saves by time only. */
  beatSyncEvery: whole(0, 'CELERYBEAT_SYNC_EVERY'),
  /** Missed crontab runs older than this are skipped. Seconds. */
  beatCronStartingDeadline: seconds(null),
} as const satisfies Readonly<Record<string, Setting<unknown>>>;
