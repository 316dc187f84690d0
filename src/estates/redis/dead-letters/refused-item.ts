/** What a worker kept of a message that it refused: `{"reason", "at", "owner"}`, a line feed, the item as it was (docs/wire/redis.md). */
import { isRecord } from '../../../protocol/record.js';

export interface RefusedAbout {
  /** Empty when nothing readable says so. */
  readonly reason: string;
  readonly atMs: number | undefined;
}

export interface RefusedItem extends RefusedAbout {
  readonly text: string;
}

export function readRefusedItem(item: string): RefusedItem {
  const end = item.indexOf('\n');
  return { ...readRefusedAbout(item.slice(0, Math.max(end, 0))), text: item.slice(end + 1) };
}

/** @param line - The item's first. */
export function readRefusedAbout(line: string): RefusedAbout {
  try {
    const about: unknown = JSON.parse(line);
    const { reason, at } = isRecord(about) ? about : {};
    return { reason: typeof reason === 'string' ? reason : '', atMs: typeof at === 'number' ? at * 1000 : undefined };
  } catch {
    return { reason: '', atMs: undefined };
  }
}
