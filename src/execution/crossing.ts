/**
 * Invocations and outcomes as text, for pools whose tasks run in another process or thread: Celery's JSON,
 * so that big integers, dates and bytes arrive as what they were.
 */
import { ProtocolError } from '../errors.js';
import { describeError, namedError } from '../protocol/exception.js';
import { parseJson, stringifyJson } from '../protocol/kombu-json.js';
import { stringRepr } from '../protocol/python-repr.js';
import type { Invocation, TaskRequest } from './invocation.js';
import type { Outcome } from './outcome.js';

type RequestField = Exclude<keyof TaskRequest, 'id' | 'args' | 'kwargs'>;

/** Fields that always say something; the others are sent when they do. */
type Told = 'task' | 'rootId' | 'correlationId' | 'timelimit' | 'deliveryInfo' | 'hostname' | 'headers' | 'stamps';
type Sent = Omit<Invocation, 'request'> & Pick<TaskRequest, Told> & Partial<Omit<TaskRequest, Told | 'id' | 'args' | 'kwargs'>>;

/** What most requests say, and need not be sent. A field that is added to the request cannot be forgotten here. */
const USUAL: Readonly<{ [Field in RequestField]: Field extends Told ? undefined : TaskRequest[Field] }> = {
  ...{ task: undefined, rootId: undefined, correlationId: undefined, timelimit: undefined, deliveryInfo: undefined },
  ...{ hostname: undefined, headers: undefined, stamps: undefined },
  ...{ shadow: null, retries: 0, eta: null, expires: null, group: null, groupIndex: null, parentId: null, replyTo: null, origin: null },
  ...{ ignoreResult: false, callbacks: null, errbacks: null, chain: null, chord: null, replacedTaskNesting: 0, stampedHeaders: null },
  ...{ isEager: false, deliveryCount: 0 },
};
const FIELDS = Object.keys(USUAL) as readonly RequestField[];

/** @throws ProtocolError for arguments that JSON cannot hold. */
export function encodeInvocation(invocation: Invocation): string {
  const { id, taskName, args, kwargs, request, softTimeLimitMs, timeLimitMs, softGraceMs } = invocation;
  const flat: Record<string, unknown> = { id, taskName, args, kwargs, softTimeLimitMs, timeLimitMs, softGraceMs };
  // Side by side with the rest: the same depth as in the message, where depth is limited.
  for (const field of FIELDS) {
    const value = request[field];
    if (value !== USUAL[field]) flat[field] = value;
  }
  try {
    return stringifyJson(flat);
  } catch {
    // A pair of `__type__` and `__value__` that Python does not know is plain data when it comes, and nothing to send.
    return stringifyJson(flat, 'plain');
  }
}

export function decodeInvocation(text: string): Invocation {
  const sent = parseJson(text) as Sent;
  const { id, taskName, args, kwargs, softTimeLimitMs, timeLimitMs, softGraceMs } = sent;
  // Written out: two spreads of this size cost more than all the rest of it.
  const request: TaskRequest = {
    id,
    task: sent.task,
    args,
    kwargs,
    shadow: sent.shadow ?? null,
    retries: sent.retries ?? 0,
    eta: sent.eta ?? null,
    expires: sent.expires ?? null,
    group: sent.group ?? null,
    groupIndex: sent.groupIndex ?? null,
    rootId: sent.rootId,
    parentId: sent.parentId ?? null,
    correlationId: sent.correlationId,
    replyTo: sent.replyTo ?? null,
    origin: sent.origin ?? null,
    ignoreResult: sent.ignoreResult ?? false,
    timelimit: sent.timelimit,
    deliveryInfo: sent.deliveryInfo,
    hostname: sent.hostname,
    headers: sent.headers,
    callbacks: sent.callbacks ?? null,
    errbacks: sent.errbacks ?? null,
    chain: sent.chain ?? null,
    chord: sent.chord ?? null,
    replacedTaskNesting: sent.replacedTaskNesting ?? 0,
    stampedHeaders: sent.stampedHeaders ?? null,
    stamps: sent.stamps,
    isEager: sent.isEager ?? false,
    deliveryCount: sent.deliveryCount ?? 0,
  };
  return { id, taskName, args, kwargs, request, softTimeLimitMs, timeLimitMs, softGraceMs };
}

/** Never throws: what the task returned may be anything. */
export function encodeOutcome(outcome: Outcome): string {
  try {
    return stringifyJson(outcome);
  } catch (error) {
    const problem =
      error instanceof ProtocolError ? error : new ProtocolError('CTQ_PROTOCOL_UNENCODABLE', describeError(error).args.join(' '));
    return stringifyJson(withoutValue(outcome, problem));
  }
}

function withoutValue(outcome: Outcome, problem: ProtocolError): unknown {
  if (outcome.kind === 'success') return { ...outcome, value: null, unwritable: [problem.code, problem.message] };
  const error = namedError('EncodeError', [`TypeError(${stringRepr(problem.message)})`]);
  return { kind: 'failure', error, expected: false };
}

/** Never throws: a value that is too large to be read back is a failure of its task, and no reason to run it again. */
export function decodeOutcome(text: string): Outcome {
  try {
    return readOutcome(text);
  } catch (error) {
    return { kind: 'failure', error: describeError(error), expected: false };
  }
}

function readOutcome(text: string): Outcome {
  const parsed = parseJson(text) as Outcome & { readonly unwritable?: ConstructorParameters<typeof UnwritableValue> };
  if (parsed.kind !== 'success') return parsed;
  const { unwritable, ...outcome } = parsed;
  if (unwritable !== undefined) return { ...outcome, value: new UnwritableValue(...unwritable) };
  // JSON leaves out what is undefined.
  return { ...outcome, value: outcome.value };
}

/**
 * Stands for a returned value that no serializer can write. Whether that matters is decided where it is
 * known whether the value is wanted: who tries to write it gets the error that its own writer had.
 */
class UnwritableValue extends Error {
  private readonly code: ProtocolError['code'];

  constructor(code: ProtocolError['code'], message: string) {
    super(message);
    this.name = 'UnwritableValue';
    this.code = code;
  }

  toJSON(): never {
    throw new ProtocolError(this.code, this.message);
  }
}
