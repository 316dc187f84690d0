/** All that the doctor looks at. */
import type { Check } from '../finding.js';
import { queueChecks } from './queues.js';
import { resultChecks } from './results.js';
import { serverChecks } from './server.js';
import { workerChecks } from './workers.js';

export const checks: readonly Check[] = [...serverChecks, ...queueChecks, ...workerChecks, ...resultChecks];
