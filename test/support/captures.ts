/** Reads the recordings in test/captures; their README says where they come from. */
import { readFileSync } from 'node:fs';

export interface CapturedKey {
  readonly key?: string;
  readonly channel?: string;
  readonly type: string;
  readonly value: unknown;
  readonly decoded_bodies?: readonly string[];
}

export interface CaptureEntry {
  readonly what: string;
  readonly call: string;
  readonly redis?: readonly CapturedKey[];
  readonly redis_midway?: readonly CapturedKey[];
  readonly log?: unknown;
}

export const CELERY_VERSIONS = ['5.2', '5.6'] as const;
export type CeleryVersion = (typeof CELERY_VERSIONS)[number];

export function readCapture(name: string): readonly CaptureEntry[] {
  return JSON.parse(captureText(`${name}.json`)) as CaptureEntry[];
}

export function captureText(file: string): string {
  return readFileSync(new URL(`../captures/${file}`, import.meta.url), 'utf8');
}

/** The raw messages that a call left in queues, oldest first. */
export function capturedMessages(entry: CaptureEntry): string[] {
  return (entry.redis ?? []).filter(({ type }) => type === 'list').flatMap(({ value }) => [...(value as string[])].reverse());
}

/** The only message of an entry. */
export function capturedMessage(entry: CaptureEntry): string {
  const [text, ...others] = capturedMessages(entry);
  if (text === undefined || others.length > 0) throw new Error(`'${entry.what}' has ${others.length + 1} messages, not one`);
  return text;
}

/** The result documents of an entry, half-way ones included, with their task ids. */
export function capturedResults(entry: CaptureEntry): { readonly taskId: string; readonly text: string }[] {
  const prefix = 'celery-task-meta-';
  return [...(entry.redis ?? []), ...(entry.redis_midway ?? [])]
    .filter(({ key, type }) => type === 'string' && key?.includes(prefix))
    .map(({ key = '', value }) => ({ taskId: key.slice(key.indexOf(prefix) + prefix.length), text: value as string }));
}
