/** Names of Celery's result keys on Redis (WIRE 7.1, 7.9). */
import { ConfigError } from '../../errors.js';

export interface RedisResultKeys {
  keyOf(taskId: string): string;
  /** undefined for a key or channel that is no task's. */
  taskOf(key: string): string | undefined;
  /** A saved group; the counters of a chord have the same name with `.j`, `.s` or `.t` behind (WIRE 7.5, 7.6). */
  groupKeyOf(groupId: string): string;
}

/** @param options - `result_backend_transport_options`; `global_keyprefix` is joined with `_` unless it ends with one of `: _ - .` */
export function redisResultKeys(options: Readonly<Record<string, unknown>>): RedisResultKeys {
  const given = options['global_keyprefix'] ?? '';
  if (typeof given !== 'string') {
    throw new ConfigError(`the result backend's transport option global_keyprefix cannot be ${JSON.stringify(given)}`, {
      hint: 'it takes a text',
    });
  }
  const base = given === '' || /[:_.-]$/.test(given) ? given : `${given}_`;
  const prefix = `${base}celery-task-meta-`;
  return {
    groupKeyOf: (groupId) => `${base}celery-taskset-meta-${groupId}`,
    keyOf: (taskId) => prefix + taskId,
    taskOf: (key) => (key.startsWith(prefix) ? key.slice(prefix.length) : undefined),
  };
}
