/**
 * A thread that says where the main thread of its process is, each time it is asked. Started by the orphan watch at the
 * first question, and never ended: Node 20 aborts the process when the main thread answers a session whose thread is
 * gone by then, and what it answers last comes after everything that anybody could wait for.
 */
import { Session } from 'node:inspector';
import { parentPort } from 'node:worker_threads';
import { CallStack, type InspectorMessage, STACK_PATIENCE_MS } from '../execution/call-stack.js';

let isLooking = false;

function look(): void {
  isLooking = true;
  const session = new Session();
  const stack = new CallStack();
  const end = (frames: readonly string[] | null): void => {
    clearTimeout(timer);
    session.removeAllListeners();
    // What has not stopped by now shall not do so later.
    session.post(CallStack.end, () => {
      session.disconnect();
      isLooking = false;
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread is no window
      parentPort?.postMessage(frames);
    });
  };
  // Never while it waits: there is nothing to stop.
  const timer = setTimeout(() => end(null), STACK_PATIENCE_MS);
  session.connectToMainThread();
  session.on('inspectorNotification', (message: InspectorMessage) => {
    const frames = stack.hear(message);
    if (frames !== undefined) end(frames);
  });
  for (const question of CallStack.questions) session.post(question);
}

// One answer is for all who asked meanwhile.
parentPort?.on('message', () => {
  if (!isLooking) look();
});
