/** The rows in their order. */
import type { Row } from './row.js';
import { BEATS } from './rows/beats.js';
import { CANVAS } from './rows/canvas.js';
import { DISKS } from './rows/disks.js';
import { KILLED } from './rows/killed.js';
import { LATER } from './rows/later.js';
import { LINKS } from './rows/links.js';
import { MIGRATE } from './rows/migrate.js';
import { OPERATIONS } from './rows/operations.js';
import { POISON } from './rows/poison.js';
import { RABBITMQ } from './rows/rabbitmq.js';
import { SENTINEL } from './rows/sentinel.js';
import { SERVER } from './rows/server.js';
import { soakRow } from './rows/soak.js';
import { STOPPED } from './rows/stopped.js';

const SOAK = soakRow({ minutes: 30, tasks: 500_000, faultEveryS: 5, say: () => {} });

export const ROWS: readonly Row[] = [
  ...KILLED,
  ...LINKS,
  ...SERVER,
  ...STOPPED,
  ...LATER,
  ...OPERATIONS,
  ...CANVAS,
  ...BEATS,
  ...POISON,
  ...SENTINEL,
  ...RABBITMQ,
  ...DISKS,
  ...MIGRATE,
  SOAK,
].sort((a, b) => place(a) - place(b));

/** `M12b` after `M12`. */
function place({ id }: Row): number {
  const [, number = '0', letter = ''] = /^M(\d+)([a-z]?)$/.exec(id) ?? [];
  return Number(number) + (letter === '' ? 0 : (letter.charCodeAt(0) - 96) / 100);
}
