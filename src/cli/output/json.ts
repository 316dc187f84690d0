/** `--json`: one document, its shape stable. */
import { stringifyJson } from '../../protocol/kombu-json.js';

/**
 * Dates, UUIDs and decimals as text, integers of any size in full. `NaN` and `Infinity` are written as
 * these bare words, as Python's `json` writes and reads them: null would be another value.
 */
export function jsonText(value: unknown): string {
  return stringifyJson(value ?? null, 'plain');
}
