/** Runs before each test file: see `setupFiles` in vitest.config.ts. */
import { cleanUpAtTheEnd } from './cleanup.js';

cleanUpAtTheEnd();
