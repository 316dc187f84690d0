/** Runs before each test file: see `setupFiles` in vitest.config.ts. */
import { afterAll, expect, vi } from 'vitest';
import { cleanUpAtTheEnd } from './cleanup.js';
import { leftBehind, worldNow } from './left-behind.js';

// The tester's own broker must not become that of an app that a test makes in its process.
for (const name of ['BROKER_URL', 'RESULT_BACKEND', 'APP', 'CONFIG']) {
  delete process.env[`CTQ_${name}`];
  delete process.env[`CELERY_${name}`];
}

const before = worldNow();
afterAll(() => {
  vi.unstubAllEnvs();
  expect(leftBehind(before, worldNow()), 'left behind for the next test file of this process').toEqual([]);
});

cleanUpAtTheEnd();
