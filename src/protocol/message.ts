/**
 * The envelope: what travels between a producer and a consumer, whatever the broker.
 * Field names follow AMQP 0-9-1 basic properties, in camelCase; `protocol/envelope.ts` turns the
 * whole into the JSON text that kombu keeps in Redis lists.
 */
export interface Message {
  readonly headers: Readonly<Record<string, unknown>>;
  readonly properties: MessageProperties;
  /** `application/json` … ; decides how the body is read. */
  readonly contentType: string;
  /** `utf-8` or `binary`. */
  readonly contentEncoding: string;
  /** Serialised, and compressed where `headers.compression` says so. */
  readonly body: Uint8Array;
}

export interface MessageProperties {
  readonly correlationId?: string;
  readonly replyTo?: string;
  /** 2 persistent, 1 transient. */
  readonly deliveryMode?: number;
  /** As the caller gave it, unclamped. */
  readonly priority?: number;
  /** Milliseconds as text; RabbitMQ acts on it. */
  readonly expiration?: string;
  /** When it was sent, in whole seconds since 1970. Celery leaves it out, and passes on ours unread. */
  readonly timestamp?: number;
  readonly deliveryTag?: string;
  readonly deliveryInfo?: DeliveryInfo;
  /** Properties that the wire carries and we do not know, by their wire names. */
  readonly extra?: Readonly<Record<string, unknown>>;
}

/** Where a message was published; used to put it back. */
export interface DeliveryInfo {
  readonly exchange: string;
  readonly routingKey: string;
  readonly redelivered?: boolean;
}
