/** Reads the task in a message, for people and for sending it again. */
import { ProtocolError } from '../errors.js';
import type { Message } from '../protocol/message.js';
import { acceptedContent, SERIALIZER_NAMES } from '../protocol/serializers.js';
import { ANYBODY } from '../protocol/signing.js';
import { decodeTaskMessage, type TaskMessage } from '../protocol/task-message.js';

/** Reading these runs nothing. */
const ACCEPT = acceptedContent([...SERIALIZER_NAMES, 'auth'], ANYBODY);

/** undefined when it cannot be read without running it, or at all. */
export async function readTask(message: Message): Promise<TaskMessage | undefined> {
  try {
    return await decodeTaskMessage(message, { accept: ACCEPT });
  } catch (error) {
    if (error instanceof ProtocolError) return undefined;
    throw error;
  }
}
