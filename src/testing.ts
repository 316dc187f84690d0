/** `ctq/testing`: what tests of an app need, and nothing that a running system uses. */
export { runTask, type RunTaskOptions, type TaskRun } from './testing/run-task.js';
export type { SentCall } from './testing/sent-call.js';
export { testKit, type TestKit, type TestKitOptions } from './testing/test-kit.js';
