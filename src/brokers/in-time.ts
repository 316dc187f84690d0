/** A stop does not wait longer for a server that is away: others find us gone, and give back what we held. */
import type { Clock } from '../clock.js';
import { answeredWithin } from '../time-limit.js';

const LIMIT_MS = 2_000;

export function inTime(work: Promise<unknown>, clock: Clock): Promise<boolean> {
  return answeredWithin(clock, LIMIT_MS, work);
}
