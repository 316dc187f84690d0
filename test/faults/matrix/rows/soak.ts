/** M34: everything at once, for a long time. */
import type { Row } from '../row.js';
import { type SoakOptions, soak } from '../soak.js';

const GOAL = {
  words: '0 lost; repeated at most slots × workers that were killed, frozen or cut off; memory and descriptors flat',
  lost: 0,
} as const;

export function soakRow(options: SoakOptions): Row {
  return {
    id: 'M34',
    fault: 'mixed tasks on 4 workers, and a fault drawn at random each 5 s',
    goal: GOAL,
    scenarios: [{ engine: 'redis', systems: ['ctq'], run: (stage) => soak(stage, options) }],
  };
}
