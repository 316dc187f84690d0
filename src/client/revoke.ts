/** Tells every worker not to run some tasks (WIRE 10.4); nobody's answer is waited for. */
import type { Broker } from '../broker.js';
import { encodeRequest, requestRoute } from '../protocol/pidbox.js';
import type { RevokeOptions } from './result-source.js';

/** @throws BrokerError when it could not be sent. */
export async function revokeTasks(broker: Broker, namespace: string, ids: readonly string[], options: RevokeOptions): Promise<void> {
  const { terminate = false, signal = null } = options;
  const request = {
    method: 'revoke',
    arguments: { task_id: ids, terminate, signal },
    destination: null,
    pattern: null,
    matcher: null,
    ticket: null,
    replyTo: null,
  };
  await broker.publish(encodeRequest(request, 1, 0), requestRoute(namespace));
}
