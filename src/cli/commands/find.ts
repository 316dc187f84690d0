/** `ctq find`: one task's whereabouts in one answer. */
import { NotFoundError, UsageError } from '../../errors.js';
import type { Ctq } from '../../ctq.js';
import { type CommandCall, defineCommand, value } from '../command.js';
import { findDocument } from '../find/document.js';
import { idsBeginning, type LocateOptions, type Located, locate } from '../find/locate.js';
import { findFields } from '../find/text.js';
import { EXIT } from '../exit-codes.js';
import { positiveSeconds } from '../option-values.js';
import { paintFor, stateColour } from '../output/colour.js';
import { fieldsText } from '../output/fields.js';
import { jsonText } from '../output/json.js';
import { numberText } from '../output/number.js';
import { startSpinner } from '../output/spinner.js';
import { openRemote } from '../remote-call.js';

const options = {
  timeout: value('--timeout <seconds>', 'look through queues no longer; default 30', positiveSeconds),
} as const;

type Call = CommandCall<typeof options>;

const DEFAULT_TIMEOUT_S = 30;
/** Of ids with the same beginning. */
const MOST_LISTED = 10;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export const find = defineCommand({
  name: 'find',
  summary: 'tell where a task is: queued, delayed, held, running, done',
  arguments: [{ name: 'id', summary: 'the id of the task, or the beginning of it', required: true, completes: 'held id' }],
  options,
  examples: [
    ['ctq find 57cb3c6b-2ca6-471b-b17f-ba3d9a43a368', 'where it is, what it is, and what hangs on it'],
    ['ctq find 57cb', 'the beginning is enough where no other id begins so'],
    ['ctq find --json 57cb3c6b-2ca6-471b-b17f-ba3d9a43a368', 'for scripts'],
  ],
  run: runFind,
});

async function runFind(call: Call): Promise<number> {
  const { args, options, globals, context, signal } = call;
  const [typed = ''] = args;
  if (typed === '') throw new UsageError('the id is empty', { hint: 'ctq find <id>' });
  const app = await openRemote(call);
  const spinner = startSpinner(context, 'looking for it', globals);
  call.defer(() => spinner.stop());
  const timeoutS = options.timeout ?? DEFAULT_TIMEOUT_S;
  const search = searchFor(call, timeoutS);
  let seen = { searched: 0, total: 0 };
  const looking: LocateOptions = {
    signal: AbortSignal.any([signal, search]),
    onProgress: (searched, total) => {
      seen = { searched, total };
      spinner.say(`looking through queues: ${numberText(searched)} of ${numberText(total)} messages`);
    },
  };
  const located = await locateTyped(call, app, typed, looking);
  spinner.stop();
  if (located === undefined) throw await notFound(app, typed, { ...seen, late: search.aborted ? 'yes' : 'no' }, timeoutS);
  if (globals.json === true) context.stdout.write(`${jsonText(findDocument(located, context.clock.nowMs()))}\n`);
  else {
    const text = fieldsText([['id', located.taskId], ...findFields(located, context.clock.nowMs())], context.stdout);
    const paint = await paintFor(context.stdout, context.env, globals.noColor);
    context.stdout.write(
      text.replace(/^(state +)(\S+)$/m, (_line, name: string, state: string) => name + paint(stateColour(state), state)),
    );
  }
  return EXIT.ok;
}

/** A whole id is looked for as it is; the beginning of one first becomes a whole one. */
async function locateTyped(call: Call, app: Ctq, typed: string, looking: LocateOptions): Promise<Located | undefined> {
  if (UUID.test(typed)) return locate(app, typed, looking);
  const estates = await app.estates();
  const ids = await idsBeginning(estates, typed, MOST_LISTED + 1, looking);
  if (ids.includes(typed)) return locate(app, typed, looking);
  if (ids.length > 1) {
    const listed = ids.slice(0, MOST_LISTED);
    if (call.globals.json !== true) call.context.stdout.write(listed.map((id) => `${id}\n`).join(''));
    if (ids.length > MOST_LISTED) {
      throw new UsageError(`more than ${MOST_LISTED} tasks have ids that begin with ${typed}`, { hint: 'give more of it' });
    }
    throw new UsageError(`${ids.length} tasks have ids that begin with ${typed}`, {
      hint: `${distinctLength(ids)} characters tell them apart`,
    });
  }
  const [only] = ids;
  return only === undefined ? locate(app, typed, { ...looking, queues: 'searched' }) : locate(app, only, looking);
}

/** How many characters it takes until no two are the same. */
function distinctLength(ids: readonly string[]): number {
  const longest = Math.max(...ids.map(({ length }) => length));
  for (let length = 1; length < longest; length += 1) if (new Set(ids.map((id) => id.slice(0, length))).size === ids.length) return length;
  return longest;
}

function searchFor({ context, defer }: Call, timeoutS: number): AbortSignal {
  const late = new AbortController();
  const timer = context.clock.setTimeout(() => late.abort(), timeoutS * 1000);
  defer(() => timer.cancel());
  return late.signal;
}

async function notFound(
  app: Ctq,
  typed: string,
  seen: { readonly searched: number; readonly total: number; readonly late: 'yes' | 'no' },
  timeoutS: number,
): Promise<NotFoundError> {
  const estates = await app.estates();
  const unseen = await app.unseenResults();
  const where = [...estates, ...(unseen === undefined ? [] : [unseen])].map(({ displayUrl }) => displayUrl).join(' and ');
  const chord = (await Promise.all(estates.map(({ tasks }) => tasks.chord(typed)))).find((one) => one !== undefined);
  if (chord !== undefined) {
    const of = chord.size === undefined ? '' : ` of ${numberText(chord.size)}`;
    return new NotFoundError(`${typed} is no task but a group: ${numberText(chord.done)}${of} parts of its chord are in`, {
      hint: `ctq keys '*${typed}*' lists what is kept of it`,
    });
  }
  const [blindSpot] = (await Promise.all(estates.map((estate) => estate.blindSpot?.()))).filter((why) => why !== undefined);
  if (seen.searched < seen.total && seen.late === 'no') {
    return new NotFoundError(
      `${typed} was not found: ${numberText(seen.searched)} of ${numberText(seen.total)} queued messages were looked at`,
      { hint: 'the front of each queue: RabbitMQ shows a message only by handing it over' },
    );
  }
  if (seen.searched < seen.total) {
    return new NotFoundError(
      `${typed} was not found in ${timeoutS} s: ${numberText(seen.searched)} of ${numberText(seen.total)} queued messages were looked at`,
      { hint: '--timeout gives it longer' },
    );
  }
  return new NotFoundError(`nobody knows a task ${typed} at ${where}`, {
    hint: blindSpot ?? 'it was never sent there, or its result has expired; ctq result --wait waits for one that is yet to come',
  });
}
