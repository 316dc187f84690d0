/** `ctq queues --by-task`: exact where a queue is short, a sample of the whole where it is long. */
import type { MessageDesk } from '../../estate/messages.js';
import { describeMessage } from '../../protocol/message-description.js';
import type { StoredMessage } from '../../estate/messages.js';
import type { TaskBreakdown } from './listing.js';

const SAMPLE = 1_000;
const UNREADABLE = '(no task message)';

export async function breakDown(desk: Pick<MessageDesk, 'sample'>, queue: string): Promise<TaskBreakdown> {
  const { messages, total } = await desk.sample(queue, SAMPLE);
  const counts: Record<string, number> = Object.create(null) as Record<string, number>;
  for (const message of messages) {
    const task = await taskOf(message);
    counts[task] = (counts[task] ?? 0) + 1;
  }
  return { sampled: messages.length, of: total, counts };
}

/** The headers name it, in old messages the body. */
async function taskOf({ message }: StoredMessage): Promise<string> {
  const named = message?.headers['task'];
  if (typeof named === 'string') return named;
  return (message === undefined ? undefined : (await describeMessage(message)).task) ?? UNREADABLE;
}
