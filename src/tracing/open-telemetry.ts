/**
 * OpenTelemetry, where somebody has set it up in this process; the only file that loads its API. Whoever registers an SDK
 * leaves a mark on `globalThis` that all copies of the API share. Without the mark nothing is loaded and nothing is done.
 */
import { createRequire } from 'node:module';
import type * as OpenTelemetry from '@opentelemetry/api';

export type TelemetryApi = typeof OpenTelemetry;

/** @opentelemetry/api, internal/global-utils.ts: one for each major version, and there is one. */
const MARK = Symbol.for('opentelemetry.js.api.1');

let api: TelemetryApi | null | undefined;

/** Asked when an app or a pool is first used, and for what a worker sends after a task: one look at a property while nobody traces. */
export function openTelemetry(): TelemetryApi | undefined {
  if (!(MARK in globalThis)) return undefined;
  api ??= load();
  return api ?? undefined;
}

/** Synchronous, for a send is; null where the mark is somebody else's and the package is not there. */
function load(): TelemetryApi | null {
  try {
    return createRequire(import.meta.url)('@opentelemetry/api') as TelemetryApi;
  } catch {
    return null;
  }
}
