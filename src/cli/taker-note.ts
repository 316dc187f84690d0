/** Whoever waits for a task that nobody will run is told so, instead of watching a spinner for ever. */
import type { Ctq } from '../ctq.js';
import { CtqError } from '../errors.js';
import { isRecord } from '../protocol/record.js';
import type { CommandCall } from './command.js';
import { escapeText } from './escape-text.js';
import type { Spinner } from './output/spinner.js';

/** Most tasks have ended by then, and nobody has begun to wonder. */
const WONDER_MS = 2_000;
/** Workers in other continents answer within it. */
const ANSWER_S = 0.5;

export interface TakerQuestion {
  readonly call: Pick<CommandCall, 'context' | 'globals' | 'signal' | 'defer'>;
  readonly app: Ctq;
  /** Where the message went. */
  readonly queue: string;
  readonly spinner: Spinner;
}

/** What was found out by now; undefined as long as there is nothing to say. */
export type TakerNote = () => string | undefined;

export function lookForTakers(question: TakerQuestion): TakerNote {
  const { call, spinner } = question;
  const { context, globals } = call;
  let note: string | undefined;
  const look = async (): Promise<void> => {
    note = await missingTaker(question);
    if (note !== undefined && globals.quiet !== true && globals.json !== true) spinner.note(`ctq: ${note}`);
  };
  const timer = context.clock.setTimeout(() => void look().catch(() => {}), WONDER_MS).unref();
  call.defer(() => timer.cancel());
  return () => note;
}

async function missingTaker({ app, call, queue }: TakerQuestion): Promise<string | undefined> {
  try {
    const replies = await app.control.gather('active_queues', {}, { timeout: ANSWER_S, signal: call.signal });
    const takes = replies.some(({ value }) => Array.isArray(value) && value.some((one: unknown) => isRecord(one) && one['name'] === queue));
    if (takes) return undefined;
    const start = queue === app.conf.taskDefaultQueue ? 'ctq worker -A <app>' : `ctq worker -A <app> -Q ${escapeText(queue)}`;
    return replies.length === 0
      ? `no worker has answered; ${start} starts one`
      : `no worker takes from the queue ${escapeText(queue)}; ${start} starts one`;
  } catch (problem) {
    // Who cannot be asked is not missing.
    if (problem instanceof CtqError) return undefined;
    throw problem;
  }
}
