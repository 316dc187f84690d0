/** `ctq send`: a task by its name, or a canvas from a file. Needs neither the app's module nor anything of the worker. */
import type { ApplyAsyncOptions } from '../../client/apply-async-options.js';
import { checkRetryPolicy } from '../../config/validate.js';
import { ConfigError, UsageError } from '../../errors.js';
import { COMPRESSION_NAMES } from '../../protocol/compression.js';
import { sendBatch } from '../batch.js';
import type { CanvasKind } from '../canvas-file.js';
import { beforeDeadline, openClient } from '../client.js';
import { type CommandCall, defineCommand, Expected, flag, list, type OptionValues, toggle, value } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { jsonList, jsonObject, keyAndValue, objectOf, readLoosely, signature } from '../json-values.js';
import { instant, oneOf, seconds, secondsOrInstant, text, wholeNumber } from '../option-values.js';
import { jsonText } from '../output/json.js';
import { startSpinner } from '../output/spinner.js';
import { sendCanvas } from '../send-canvas.js';
import { noteNamesake, noteTexts, placeFlags, suggest, withLookalike } from '../next-steps.js';
import { printValue } from '../sent.js';
import { lookForTakers } from '../taker-note.js';

const options = {
  args: value('--args <json>', 'positional arguments as a JSON list', jsonList),
  kwarg: list('-k, --kwarg <key=value>', 'keyword argument; repeatable', keyAndValue),
  kwargs: value('--kwargs <json>', 'keyword arguments as a JSON object', jsonObject),
  countdown: value('--countdown <seconds>', 'run it that much later', seconds),
  eta: value('--eta <date>', 'run it not before; UTC without an offset', instant),
  expires: value('--expires <seconds|date>', 'discard it when it has not begun by then', secondsOrInstant),
  queue: value('-Q, --queue <name>', 'queue; default by the routes of the config file, else celery', text, { completes: 'queue' }),
  exchange: value('--exchange <name>', 'exchange', text),
  routingKey: value('--routing-key <key>', 'routing key', text),
  priority: value('--priority <0-255>', 'on Redis and SQLite 0 is first (Celery: 0, 3, 6, 9), on RabbitMQ last', wholeNumber(0, 255)),
  taskId: value('--task-id <id>', 'id; default a random UUID', text),
  shadow: value('--shadow <name>', 'name to show in logs instead of the task’s own', text),
  serializer: value('--serializer <name>', 'json, yaml or msgpack', oneOf(['json', 'yaml', 'msgpack']), {
    choices: ['json', 'yaml', 'msgpack'],
  }),
  compression: value('--compression <name>', 'zlib, gzip, bzip2, brotli …', oneOf(COMPRESSION_NAMES), { choices: COMPRESSION_NAMES }),
  header: list('-H, --header <key=value>', 'message header; repeatable', keyAndValue),
  link: list('--link <task>', 'call this task with the value; name or JSON signature, repeatable', signature, { completes: 'task' }),
  linkError: list('--link-error <task>', 'call this task when it fails; repeatable', signature, { completes: 'task' }),
  timeLimit: value('--time-limit <seconds>', 'hard time limit', seconds),
  softTimeLimit: value('--soft-time-limit <seconds>', 'soft time limit', seconds),
  ignoreResult: flag('--ignore-result', 'store no result'),
  retry: toggle('--retry', 'publish again when the connection fails (default); --no-retry does not'),
  retryPolicy: value('--retry-policy <json>', 'such as {"max_retries": 3, "interval_step": 0.2}', retryPolicy),
  chain: value('--chain <file|->', 'send the chain in a file: signatures as Celery writes them in JSON', text, { completes: 'file' }),
  group: value('--group <file|->', 'send a group', text, { completes: 'file' }),
  chord: value('--chord <file|->', 'send a chord, {"header": […], "body": …}', text, { completes: 'file' }),
  wait: flag('-w, --wait', 'wait, and print the value instead of the id: a text as it is, else JSON'),
  timeout: value('--timeout <seconds>', 'wait no longer; exit code 75 then', seconds),
  batch: value('--batch <file|->', 'send a task for each line, {"task": …, "args": […], "kwargs": {…}, "options": {…}}', text, {
    completes: 'file',
  }),
} as const;

type SendOptions = OptionValues<typeof options>;

export const send = defineCommand({
  name: 'send',
  summary: 'send a task by name or a canvas from a file, and print its id',
  arguments: [
    { name: 'task', summary: 'the name of the task', required: false, completes: 'task' },
    {
      name: 'args',
      summary: 'its arguments, or those of the first tasks of a canvas: JSON where it parses as JSON, else texts',
      required: false,
      variadic: true,
    },
  ],
  options,
  examples: [
    ['ctq send tasks.add 3 4 --wait', 'print 7'],
    ['ctq send --chain steps.json --wait', 'one after the other; steps.json: [{"task": "tasks.add", "args": [1, 2]}, …]'],
    ['jq -c . calls.json | ctq send --batch -', 'one task a line'],
  ],
  run: (call) => {
    const { batch, chain, group, chord } = call.options;
    const sources = Object.entries({ batch, chain, group, chord }).filter(([, source]) => source !== undefined);
    if (sources.length > 1) {
      throw new UsageError(`${sources.map(([name]) => `--${name}`).join(' and ')} were given`, { hint: 'send one after the other' });
    }
    if (batch !== undefined) return sendLines(call, batch);
    const [[kind, source] = []] = sources;
    return source === undefined ? sendOne(call) : sendTogether(call, kind as CanvasKind, source);
  },
});

async function sendOne(call: CommandCall<typeof options>): Promise<number> {
  const { options, globals, context } = call;
  const [task, ...words] = call.args;
  if (task === undefined || task === '') {
    throw new UsageError('the name of the task is missing', { hint: 'ctq send tasks.add 3 4; ctq send --help shows more' });
  }
  const args = argumentsOf(options, words);
  const waits = waitsFor(options);
  const app = await openClient(call);
  const spinner = startSpinner(context, `sending ${task}`, globals);
  call.defer(() => spinner.stop());
  const sending = applyOptions(options);
  noteTexts(call, [...args, ...Object.values(sending.kwargs ?? {})]);
  if (waits && options.taskId !== undefined) await noteNamesake(call, app, options.taskId);
  const sent = app.sendTask(task, args, sending);
  await beforeDeadline(sent.published, call);
  if (!waits) {
    spinner.stop();
    context.stdout.write(globals.json === true ? `${jsonText({ id: sent.id, task })}\n` : `${sent.id}\n`);
    if (options.ignoreResult !== true) suggest(call, `ctq result${placeFlags(globals)} --wait ${sent.id} waits for its value`);
    return EXIT.ok;
  }
  const { queue } = app.router.route({ name: task, args, kwargs: sending.kwargs ?? {}, options: sending });
  const trouble = lookForTakers({ call, app, queue: queue.name, spinner });
  try {
    return await printValue({ call, sent, what: task, timeout: options.timeout, spinner, trouble });
  } catch (error) {
    throw await withLookalike(error, app, call);
  }
}

/** A canvas has no name: every word is an argument of its first tasks. */
function sendTogether(call: CommandCall<typeof options>, kind: CanvasKind, source: string): Promise<number> {
  const { options } = call;
  const args = argumentsOf(options, call.args);
  return sendCanvas({ call, kind, source, args, options: applyOptions(options), waits: waitsFor(options), timeout: options.timeout });
}

function argumentsOf({ args }: SendOptions, words: readonly string[]): readonly unknown[] {
  if (args !== undefined && words.length > 0) {
    throw new UsageError('arguments were given twice', { hint: 'either as words, or with --args' });
  }
  return args ?? words.map(readLoosely);
}

function waitsFor({ wait, timeout, ignoreResult }: SendOptions): boolean {
  const waits = wait === true || timeout !== undefined;
  if (waits && ignoreResult === true) {
    throw new UsageError('--ignore-result leaves nothing to wait for', { hint: 'leave out --wait or --ignore-result' });
  }
  return waits;
}

async function sendLines(call: CommandCall<typeof options>, source: string): Promise<number> {
  const { options } = call;
  const [task, ...words] = call.args;
  if (options.wait === true || options.timeout !== undefined) {
    throw new UsageError('--batch does not wait', { hint: 'give the ids it prints to ctq result --wait' });
  }
  if (words.length > 0 || options.args !== undefined || options.kwarg !== undefined || options.kwargs !== undefined) {
    throw new UsageError('--batch takes the arguments from its lines', { hint: 'put them there as "args" and "kwargs"' });
  }
  if (options.taskId !== undefined) throw new UsageError('--batch cannot give every task the same id', { hint: 'leave out --task-id' });
  return sendBatch({ call, source, task, defaults: applyOptions(options) });
}

/** Options that say what this command does, not what the message is. */
const LOCAL = {
  ...{ args: undefined, kwarg: undefined, header: undefined, wait: undefined, timeout: undefined },
  ...{ batch: undefined, chain: undefined, group: undefined, chord: undefined },
};

/** What the call was given for the message; beside it stand the options of all commands. */
function applyOptions(given: SendOptions): ApplyAsyncOptions {
  const { kwarg, kwargs, header } = given;
  const keywords = kwargs === undefined && kwarg === undefined ? undefined : { ...kwargs, ...objectOf(kwarg) };
  const all = { ...given, kwargs: keywords, headers: objectOf(header), ...LOCAL };
  const own = Object.entries(all).filter(([name, value]) => value !== undefined && (name in options || name === 'headers'));
  return Object.fromEntries(own) as ApplyAsyncOptions;
}

function retryPolicy(raw: string): NonNullable<ApplyAsyncOptions['retryPolicy']> {
  try {
    return checkRetryPolicy(jsonObject(raw), '--retry-policy');
  } catch (error) {
    if (error instanceof ConfigError) throw new Expected(`${error.message}; ${error.hint ?? ''}`);
    throw error;
  }
}
