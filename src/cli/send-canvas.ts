/** `ctq send --chain|--group|--chord`: several tasks at once, as Celery's canvas. */
import type { ApplyAsyncOptions } from '../client/apply-async-options.js';
import type { Ctq } from '../ctq.js';
import { ProtocolError, UsageError } from '../errors.js';
import { type CanvasKind, readCanvas } from './canvas-file.js';
import { beforeDeadline, openClient } from './client.js';
import type { CommandCall } from './command.js';
import { EXIT } from './exit-codes.js';
import { jsonText } from './output/json.js';
import { startSpinner } from './output/spinner.js';
import { printValue, type Sent } from './sent.js';

export interface CanvasQuestion {
  readonly call: Omit<CommandCall, 'options'>;
  readonly kind: CanvasKind;
  /** A file, or `-` for standard input. */
  readonly source: string;
  /** In front of the arguments of its first tasks. */
  readonly args: readonly unknown[];
  readonly options: ApplyAsyncOptions;
  readonly waits: boolean;
  readonly timeout: number | undefined;
}

export async function sendCanvas({ call, kind, source, args, options, waits, timeout }: CanvasQuestion): Promise<number> {
  const { context, globals } = call;
  const dict = await readCanvas(kind, source, call);
  const app = await openClient(call);
  const spinner = startSpinner(context, `sending the ${kind}`, globals);
  call.defer(() => spinner.stop());
  const sent = send(app, dict, args, options, `--${kind} ${source}`);
  await beforeDeadline(sent.published, call);
  await keepGroup(app, sent, options);
  if (waits) return printValue({ call, sent, what: `the ${kind}`, timeout, spinner });
  spinner.stop();
  const document = { id: sent.id, task: `celery.${kind}`, tree: sent.asTree() };
  context.stdout.write(globals.json === true ? `${jsonText(document)}\n` : `${sent.id}\n`);
  return EXIT.ok;
}

function send(app: Ctq, dict: unknown, args: readonly unknown[], options: ApplyAsyncOptions, name: string): Sent {
  try {
    return app.reviveSignature(dict).applyAsync([...args], options) as Sent;
  } catch (error) {
    if (!(error instanceof ProtocolError) || error.code !== 'CTQ_PROTOCOL_MALFORMED') throw error;
    throw new UsageError(`${name}: ${error.message}`, { ...(error.hint === undefined ? {} : { hint: error.hint }), cause: error });
  }
}

/** The id that is printed must lead to the results: of a group they are found through the list of its members. */
async function keepGroup(app: Ctq, sent: Sent, { ignoreResult }: ApplyAsyncOptions): Promise<void> {
  if (!('results' in sent) || ignoreResult === true) return;
  if ((await app.backend()).chords !== undefined) await sent.save();
}
