/** A task's attributes by Celery's names, as `inspect registered rate_limit max_retries` asks for them. */
import { snakeCase } from '../config/setting-names.js';
import type { TaskPlan } from './task-plan.js';

/** Undefined for what there is not. What nobody set shows what is in force, as in Celery. */
export function taskAttribute(plan: TaskPlan, attribute: string): unknown {
  switch (attribute) {
    case 'name':
      return plan.task.name;
    case 'rate_limit':
      return plan.rateLimit;
    case 'max_retries':
      return plan.task.options.maxRetries === undefined ? 3 : plan.task.options.maxRetries;
    case 'default_retry_delay':
      return plan.task.options.defaultRetryDelay ?? 180;
    case 'acks_late':
      return plan.acksLate;
    case 'ignore_result':
      return plan.ignoreResult;
    case 'track_started':
      return plan.trackStarted;
    case 'time_limit':
      return seconds(plan.timeLimitMs);
    case 'soft_time_limit':
      return seconds(plan.softTimeLimitMs);
    default:
      return optionsOf(plan)[attribute];
  }
}

function seconds(limitMs: number | undefined): number | null {
  return limitMs === undefined ? null : limitMs / 1000;
}

function optionsOf({ task }: TaskPlan): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(task.options).map(([key, value]) => [snakeCase(key), value]));
}
