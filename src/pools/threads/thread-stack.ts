/** Where a thread of this process is, by way of the inspector: it stops one that computes, too. */
import { type NodeWorker, Session } from 'node:inspector';
import { CallStack, type InspectorMessage, STACK_PATIENCE_MS } from '../../execution/call-stack.js';

/** Undefined when the thread waits for something. */
export function stackOfThread(threadId: number): Promise<readonly string[] | undefined> {
  const session = new Session();
  const stack = new CallStack();
  let sessionId: string | undefined;
  let messages = 0;
  const ask = (method: string): void => {
    if (sessionId === undefined) return;
    messages += 1;
    session.post('NodeWorker.sendMessageToWorker', { sessionId, message: JSON.stringify({ id: messages, method }) });
  };
  return new Promise((resolve) => {
    const end = (frames?: readonly string[]): void => {
      clearTimeout(timer);
      ask(CallStack.end);
      session.post('NodeWorker.disable', () => session.disconnect());
      resolve(frames);
    };
    const timer = setTimeout(end, STACK_PATIENCE_MS);
    session.connect();
    session.on('NodeWorker.attachedToWorker', ({ params }: { readonly params: NodeWorker.AttachedToWorkerEventDataType }) => {
      if (!params.workerInfo.title.startsWith(`[worker ${threadId}]`)) return;
      ({ sessionId } = params);
      for (const question of CallStack.questions) ask(question);
    });
    session.on(
      'NodeWorker.receivedMessageFromWorker',
      ({ params }: { readonly params: NodeWorker.ReceivedMessageFromWorkerEventDataType }) => {
        if (params.sessionId !== sessionId) return;
        const frames = stack.hear(JSON.parse(params.message) as InspectorMessage);
        if (frames !== undefined) end(frames);
      },
    );
    session.post('NodeWorker.enable', { waitForDebuggerOnStart: false });
  });
}
