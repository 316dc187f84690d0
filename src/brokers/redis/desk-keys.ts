/** Names of what operators and workers tell each other through Redis; docs/wire/redis.md describes each. */
import type { RedisLayout } from './keys.js';

/** Queues that nobody shall take from → the nodes that were told so because they do not look here, as JSON. */
export function pausedKey(layout: RedisLayout): string {
  return `${layout.prefix}ctq:paused`;
}

/** What a consumer says of itself; gone soon after it is. */
export function aboutKey(layout: RedisLayout, ownerId: string): string {
  return `${layout.prefix}ctq:about:${ownerId}`;
}

/** The page that a removal is about to write down: in no queue any more, and perhaps not in its copy yet. */
export function asideKey(layout: RedisLayout, removalId: string): string {
  return `${layout.prefix}ctq:aside:${removalId}`;
}

/** Removals that have something aside → their last sign of life, by the server's clock. */
export function asidesKey(layout: RedisLayout): string {
  return `${layout.prefix}ctq:asides`;
}

/** From which number on the messages of a removal are back. */
export function restoredKey(layout: RedisLayout, removalId: string): string {
  return `${layout.prefix}ctq:restored:${removalId}`;
}

/** Up to which number the messages of a removal from another store have arrived here. */
export function arrivedKey(layout: RedisLayout, removalId: string): string {
  return `${layout.prefix}ctq:arrived:${removalId}`;
}
