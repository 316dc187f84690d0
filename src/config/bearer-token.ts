/** `Authorization: Bearer <token>`, for what a worker tells about itself on a port. */
import { createHash, timingSafeEqual } from 'node:crypto';

/** Digests are of one length, and comparing them tells nothing. */
export function isBearer(header: string | undefined, token: string): boolean {
  const given = /^Bearer (.+)$/i.exec(header ?? '')?.[1] ?? '';
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(token));
}
