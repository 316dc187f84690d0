/** `ctq send`: a task by its name. Needs neither the app's module nor anything of the worker. */
import type { ApplyAsyncOptions } from '../../client/apply-async-options.js';
import { checkRetryPolicy } from '../../config/validate.js';
import { ConfigError, TaskError, UsageError, WaitTimeoutError } from '../../errors.js';
import { COMPRESSION_NAMES } from '../../protocol/compression.js';
import { sendBatch } from '../batch.js';
import { beforeDeadline, openClient } from '../client.js';
import { type CommandCall, defineCommand, Expected, flag, list, type OptionValues, toggle, value } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { jsonList, jsonObject, keyAndValue, objectOf, readLoosely, signature } from '../json-values.js';
import { instant, oneOf, seconds, secondsOrInstant, text, wholeNumber } from '../option-values.js';
import { jsonText } from '../output/json.js';
import { startSpinner } from '../output/spinner.js';
import { resultDocument } from '../result-document.js';
import { valueText } from '../output/value.js';

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
  wait: flag('-w, --wait', 'wait, and print the value instead of the id: a text as it is, else JSON'),
  timeout: value('--timeout <seconds>', 'wait no longer; exit code 75 then', seconds),
  batch: value('--batch <file|->', 'send a task for each line, {"task": …, "args": […], "kwargs": {…}, "options": {…}}', text, {
    completes: 'file',
  }),
} as const;

type SendOptions = OptionValues<typeof options>;

export const send = defineCommand({
  name: 'send',
  summary: 'send a task by name, and print its id',
  arguments: [
    { name: 'task', summary: 'the name of the task', required: false, completes: 'task' },
    { name: 'args', summary: 'its arguments: JSON where it parses as JSON, else texts', required: false, variadic: true },
  ],
  options,
  examples: [
    ['ctq send tasks.add 3 4 --wait', 'print 7'],
    ['ctq send tasks.mail ann@example.org -k subject=Hello --countdown 60', 'a minute from now'],
    ['jq -c . calls.json | ctq send --batch -', 'one task a line'],
  ],
  run: (call) => (call.options.batch === undefined ? sendOne(call) : sendLines(call, call.options.batch)),
});

async function sendOne(call: CommandCall<typeof options>): Promise<number> {
  const { options, globals, context, signal } = call;
  const [task, ...words] = call.args;
  if (task === undefined || task === '') {
    throw new UsageError('the name of the task is missing', { hint: 'ctq send tasks.add 3 4; ctq send --help shows more' });
  }
  if (options.args !== undefined && words.length > 0) {
    throw new UsageError('arguments were given twice', { hint: 'either after the task, or with --args' });
  }
  const waits = options.wait === true || options.timeout !== undefined;
  if (waits && options.ignoreResult === true) {
    throw new UsageError('--ignore-result leaves nothing to wait for', { hint: 'leave out --wait or --ignore-result' });
  }
  const args = options.args ?? words.map(readLoosely);
  const app = await openClient(call);
  const spinner = startSpinner(context, `sending ${task}`, globals);
  call.defer(() => spinner.stop());
  const sent = app.sendTask(task, args, applyOptions(options));
  await beforeDeadline(sent.published, call);
  if (!waits) {
    spinner.stop();
    context.stdout.write(globals.json === true ? `${jsonText({ id: sent.id, task })}\n` : `${sent.id}\n`);
    return EXIT.ok;
  }
  spinner.say(`waiting for ${task} (${sent.id})`);
  try {
    const result = await sent.get({ signal, ...(options.timeout === undefined ? {} : { timeout: options.timeout }) });
    spinner.stop();
    const document = globals.json === true ? jsonText(resultDocument(sent.id, await sent.load())) : valueText(result, context.stdout);
    context.stdout.write(`${document}\n`);
    return EXIT.ok;
  } catch (error) {
    spinner.stop();
    if (globals.json === true && error instanceof TaskError) {
      context.stdout.write(`${jsonText(resultDocument(sent.id, await sent.load()))}\n`);
    }
    if (error instanceof WaitTimeoutError) {
      throw new WaitTimeoutError(`${sent.id} is not ready after ${options.timeout} s`, {
        hint: `it may still finish: ctq result --wait ${sent.id}`,
      });
    }
    throw error;
  }
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
const LOCAL = { args: undefined, kwarg: undefined, header: undefined, wait: undefined, timeout: undefined, batch: undefined };

function applyOptions(options: SendOptions): ApplyAsyncOptions {
  const { kwarg, kwargs, header } = options;
  const keywords = kwargs === undefined && kwarg === undefined ? undefined : { ...kwargs, ...objectOf(kwarg) };
  const all = { ...options, kwargs: keywords, headers: objectOf(header), ...LOCAL };
  return Object.fromEntries(Object.entries(all).filter(([, given]) => given !== undefined)) as ApplyAsyncOptions;
}

function retryPolicy(raw: string): NonNullable<ApplyAsyncOptions['retryPolicy']> {
  try {
    return checkRetryPolicy(jsonObject(raw), '--retry-policy');
  } catch (error) {
    if (error instanceof ConfigError) throw new Expected(`${error.message}; ${error.hint ?? ''}`);
    throw error;
  }
}
