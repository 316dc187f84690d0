/** Runs before each test file: see `setupFiles` in vitest.config.ts. */
import { cleanUpAtTheEnd } from './cleanup.js';

// The tester's own broker must not become that of an app that a test makes in its process.
for (const name of ['BROKER_URL', 'RESULT_BACKEND', 'APP', 'CONFIG']) {
  delete process.env[`CTQ_${name}`];
  delete process.env[`CELERY_${name}`];
}

cleanUpAtTheEnd();
