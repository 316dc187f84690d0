/** Why an AMQP server could not be used. */
import type { CtqErrorOptions } from '../../errors.js';
import { CLOSED, commonReason, ConnectionFailure, driverError, type FailureKind, isCertificateTrouble } from '../failure.js';

export class AmqpFailure extends ConnectionFailure {
  readonly server = 'RabbitMQ';
  /** AMQP's reply code, when the server gave one: 404, 406 … */
  readonly code: number | undefined;

  constructor(kind: FailureKind, reason: string, options: CtqErrorOptions & { readonly code?: number | undefined } = {}) {
    super(kind, reason, options);
    this.code = options.code;
  }
}

/** Sorts what the driver and the server say. */
export function toAmqpFailure(error: unknown): AmqpFailure {
  if (error instanceof AmqpFailure) return error;
  if (error instanceof Error && error.cause instanceof AmqpFailure) return error.cause;
  const described = driverError(error);
  const common = commonReason(error, described);
  if (common !== undefined) return new AmqpFailure(...common);
  const { code, message } = described;
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER') {
    return new AmqpFailure('refused', 'the server answers, but speaks no TLS', { cause: error, hint: 'write the URL as amqp://' });
  }
  if (isCertificateTrouble(described)) {
    return new AmqpFailure('refused', `TLS: ${message}`, { cause: error, hint: 'see ca_certs in broker_use_ssl' });
  }
  if (/Login was refused/.test(message)) {
    return new AmqpFailure('refused', 'wrong user name or password', { cause: error, hint: 'check the credentials in the URL' });
  }
  // Before the first word is exchanged, the reply code stands in the text alone.
  const replyCode = typeof code === 'number' ? code : Number(/\b([2345]\d\d) \(/.exec(message)?.[1] ?? Number.NaN);
  const sorted = REPLY_KINDS.get(replyCode);
  const said = /with message "(.*)"$/s.exec(message)?.[1] ?? message;
  if (sorted !== undefined) return new AmqpFailure(sorted[0], said, { cause: error, code: replyCode, ...hinted(sorted[1]) });
  for (const [pattern, kind, reason, hint] of OTHER_WORDS) {
    if (pattern.test(message)) return new AmqpFailure(kind, reason, { cause: error, ...hinted(hint) });
  }
  return new AmqpFailure('unreachable', said, { cause: error });
}

function hinted(hint: string | undefined): { readonly hint?: string } {
  return hint === undefined ? {} : { hint };
}

/** What a queue or an exchange answers; something else where there is none. */
export function unlessMissing<T, Otherwise>(asking: Promise<T>, otherwise: Otherwise): Promise<T | Otherwise> {
  return asking.catch((error: unknown) => {
    if (toAmqpFailure(error).kind === 'missing') return otherwise;
    throw error;
  });
}

/** AMQP 0-9-1's reply codes. */
const REPLY_KINDS: ReadonlyMap<number, readonly [FailureKind, string?]> = new Map([
  [311, ['failed', 'see max_message_size in rabbitmq.conf']],
  [320, ['unreachable']],
  [402, ['refused', 'does the virtual host exist, and may the user use it?']],
  [403, ['refused', 'check the credentials in the URL, and the permissions of the user']],
  [404, ['missing']],
  [405, ['failed', 'another connection has it for itself']],
  [406, ['failed']],
  [501, ['failed']],
  [502, ['failed']],
  [503, ['failed']],
  [504, ['failed']],
  [505, ['failed']],
  [506, ['failed']],
  [530, ['refused', 'does the virtual host exist, and may the user use it?']],
  [540, ['failed']],
  [541, ['unreachable']],
]);

const OTHER_WORDS: readonly (readonly [RegExp, FailureKind, string, string?])[] = [
  [/ACCESS[_-]REFUSED/i, 'refused', 'wrong user name or password', 'check the credentials in the URL'],
  // The driver keeps the server's words to itself here.
  [
    /Expected ConnectionOpenOk; got <ConnectionClose/,
    'refused',
    'the server does not let us into this virtual host',
    'does it exist, and may the user use it?',
  ],
  [/SASL mechanism/i, 'refused', 'the server does not know this login method', 'see broker_login_method'],
  [/Heartbeat timeout/i, 'unreachable', 'no sign of life from the server'],
  [/ETIMEDOUT/, 'unreachable', 'no answer'],
  [/Unexpected close|Socket closed abruptly|Channel ended|[Cc]onnection closed|Connection closing/, 'unreachable', CLOSED],
];
