/** The marks that kombu sets before it puts a message back (WIRE 6.5). */
import type { Message } from '../protocol/message.js';

export function redelivered(message: Message): Message {
  const { deliveryInfo = { exchange: '', routingKey: '' } } = message.properties;
  return {
    ...message,
    headers: { ...message.headers, redelivered: true },
    properties: { ...message.properties, deliveryInfo: { ...deliveryInfo, redelivered: true } },
  };
}
