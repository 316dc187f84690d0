/**
 * The task id of a firing: the same in every beat that computes it, so that a message which does get sent
 * twice is one task to result backend and people, and a log of one process can be found in another's.
 */
import { createHash } from 'node:crypto';

/** Drawn once, for ever: what RFC 9562 calls a namespace. */
const NAMESPACE = Buffer.from('5b9a0c3e6f2d4c1a9e7d8b1f4a6c2e90', 'hex');

/** A UUID of version 5 over app, entry and moment. */
export function firingId(scope: string, entryName: string, slotMs: number): string {
  const hash = createHash('sha1')
    .update(NAMESPACE)
    .update(JSON.stringify([scope, entryName, slotMs]))
    .digest();
  hash[6] = ((hash[6] ?? 0) & 0x0f) | 0x50;
  hash[8] = ((hash[8] ?? 0) & 0x3f) | 0x80;
  const hex = hash.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-');
}
