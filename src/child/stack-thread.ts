/** A thread that looks where the main thread of its process is, says it, and ends. Started by the orphan watch. */
import { Session } from 'node:inspector';
import { parentPort } from 'node:worker_threads';
import { CallStack, type InspectorMessage, STACK_PATIENCE_MS } from '../execution/call-stack.js';

const session = new Session();
const stack = new CallStack();

function end(frames: readonly string[] | null): void {
  // Without waiting for an answer: what has not stopped by now shall not do so later.
  session.post(CallStack.end, () => session.disconnect());
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread is no window
  parentPort?.postMessage(frames);
}

// Never while it waits: there is nothing to stop.
const timer = setTimeout(() => end(null), STACK_PATIENCE_MS);
session.connectToMainThread();
session.on('inspectorNotification', (message: InspectorMessage) => {
  const frames = stack.hear(message);
  if (frames === undefined) return;
  clearTimeout(timer);
  end(frames);
});
for (const question of CallStack.questions) session.post(question);
