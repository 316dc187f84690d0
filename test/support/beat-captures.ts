/** Reads test/captures/beat-*.json. */
import { type CaptureEntry, readCapture } from './captures.js';

interface BeatEntry extends CaptureEntry {
  readonly table?: readonly Readonly<Record<string, unknown>>[];
}

/** The rows of a table that was recorded with Celery 5.6. */
export function beatTable(what: string): readonly Readonly<Record<string, unknown>>[] {
  const entry = (readCapture('beat-5.6') as readonly BeatEntry[]).find((one) => one.what === what);
  if (entry?.table === undefined) throw new Error(`no table "${what}" in beat-5.6.json`);
  return entry.table;
}

/** The log of a run that was recorded with Celery 5.6. */
export function beatLog(what: string): string {
  const entry = readCapture('beat-5.6').find((one) => one.what === what);
  if (typeof entry?.log !== 'string') throw new Error(`no log "${what}" in beat-5.6.json`);
  return entry.log;
}
