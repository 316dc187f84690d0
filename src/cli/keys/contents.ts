/** `ctq keys show`: one key taken apart. */
import type { KeyContents, KeyPage } from '../../estate/keys.js';
import type { Estate } from '../../estate/estate.js';
import { isRecord } from '../../protocol/record.js';
import type { TerminalStream } from '../context.js';
import { bytesText } from '../output/bytes.js';
import { type Field, fieldsText } from '../output/fields.js';
import { jsonText } from '../output/json.js';
import { countText, numberText } from '../output/number.js';
import { durationText } from '../output/relative-time.js';
import { escapeText } from '../escape-text.js';
import { keyDocument } from './listing.js';

export interface ShownKey extends KeyContents {
  readonly store: string;
}

/** The first store that has it. Names may be typed as they are printed: `celery\x06\x166`. */
export async function findKey(estates: readonly Estate[], typed: string, page: KeyPage): Promise<ShownKey | undefined> {
  for (const name of new Set([typed, unescaped(typed)])) {
    for (const { keys, displayUrl } of estates) {
      const contents = await keys.show(name, page);
      if (contents !== undefined) return { ...contents, store: displayUrl };
    }
  }
  return undefined;
}

export function contentsJson(key: ShownKey): string {
  return jsonText({ ...keyDocument(key), entries: key.entries, more: key.more });
}

export function contentsText(key: ShownKey, stream: TerminalStream): string {
  const single = key.type === 'string' || key.type === 'row';
  const body = key.entries.map(({ name, value }) =>
    single ? fieldsText([[name, shown(value)]], stream, 2) : `#${escapeText(name)}\n${fieldsText(fieldsOf(value), stream, 2)}`,
  );
  return `${headLine(key)}\n${
    single
      ? fieldsText(
          key.entries.map(({ name, value }): Field => [name, shown(value)]),
          stream,
          2,
        )
      : body.join('')
  }`;
}

/** What is behind the page. */
export function moreNote({ more, entries, members }: KeyContents, { offset, limit }: KeyPage): string | undefined {
  if (!more) return undefined;
  const all = members === undefined ? '' : ` of ${numberText(members)}`;
  return `${numberText(offset)} to ${numberText(offset + entries.length - 1)}${all}; --offset ${offset + limit} shows the next`;
}

function headLine({ name, about, type, members, bytes, ttlMs, orphan }: ShownKey): string {
  const facts = [
    type,
    ...(members === undefined || type === 'string' ? [] : [countText(members, 'member')]),
    ...(bytes === undefined ? [] : [bytesText(bytes)]),
    ttlMs === undefined ? 'no expiry' : `expires in ${durationText(ttlMs)}`,
    ...(orphan === undefined ? [] : [`orphan: ${orphan.reason}`]),
  ];
  return `${escapeText(name)}: ${escapeText(about)} (${facts.join(', ')})`;
}

/** An object's fields with something in them; anything else is one value. */
function fieldsOf(value: unknown, path = ''): Field[] {
  if (!isRecord(value)) return [[path === '' ? 'value' : path, shown(value)]];
  return Object.entries(value).flatMap(([name, one]): Field[] => {
    if (one === null || one === undefined || one === '') return [];
    // A message within: its fields tell more than one long line.
    if (name === 'message' && isRecord(one)) return fieldsOf(one);
    return [[name, shown(one)]];
  });
}

function shown(value: unknown): string {
  if (typeof value === 'string') return value;
  return jsonText(
    isRecord(value) ? Object.fromEntries(Object.entries(value).filter(([, one]) => one !== null && one !== undefined)) : value,
  );
}

function unescaped(text: string): string {
  return text.replaceAll(/\\x([0-9a-f]{2})|\\u([0-9a-f]{4})/gi, (_all, byte: string | undefined, unit: string | undefined) =>
    String.fromCharCode(Number.parseInt(byte ?? unit ?? '0', 16)),
  );
}
