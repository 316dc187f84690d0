/** `ctq events`: what happens, as it happens. */
import type { EventStream } from '../../events/event-stream.js';
import type { ReceivedEvent } from '../../events/receiver.js';
import { closestName } from '../../config/closest-name.js';
import { globToRegExp } from '../../routing/task-routes.js';
import { type CommandCall, defineCommand, flag, list, unavailable, value } from '../command.js';
import { EventDumper, eventCells } from '../event-lines.js';
import { EXIT } from '../exit-codes.js';
import { names, wholeNumber } from '../option-values.js';
import { type Colour, paintFor } from '../output/colour.js';
import { jsonText } from '../output/json.js';
import { isTerminal } from '../output/terminal.js';
import { openClient } from '../client.js';

const options = {
  type: list('--type <a,b>', 'only events of these types: task-failed, worker-* …', names),
  task: list('--task <a,b>', 'only events of tasks with these names; * stands for any text', names, { completes: 'task' }),
  worker: list('--worker <a,b>', 'only events of these nodes; * stands for any text', names),
  limit: value('--limit <number>', 'end after so many events', wholeNumber(1)),
  dump: flag('-d, --dump', "print all fields, in the form of Celery's own dump"),
  enable: flag('--enable', 'first tell workers that were started without -E to send task events'),
  camera: unavailable('-c, --camera <class>', 'ctq events --json gives every event to any program'),
  frequency: unavailable('-F, --frequency <seconds>', 'it belongs to --camera'),
  maxrate: unavailable('-r, --maxrate <rate>', 'it belongs to --camera'),
} as const;

type Call = CommandCall<typeof options>;

export const events = defineCommand({
  name: 'events',
  summary: 'print events of workers and tasks as they happen',
  arguments: [],
  options,
  examples: [
    ['ctq events --enable', 'everything, also from workers that were started without -E'],
    ["ctq events --type task-failed,task-retried --task 'tasks.mail.*'", 'what goes wrong with mail'],
    ['ctq events --json | jq -r \'select(.type == "task-succeeded") | .runtime\'', 'one event a line for other programs'],
  ],
  run: runEvents,
});

async function runEvents(call: Call): Promise<number> {
  const { options, globals, context, signal } = call;
  const print = await printer(call);
  const wanted = filter(options);
  tellOfSlips(call);
  let left = options.limit ?? Number.POSITIVE_INFINITY;
  const app = await openClient(call);
  if (options.dump === true && globals.json !== true) context.stdout.write('-> evdump: starting capture...\n');
  let stream: EventStream | undefined;
  let taskEvents = 0;
  await new Promise<void>((resolve, reject) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
    const hear = (event: ReceivedEvent): void => {
      // Nothing is sent back before the stream is open, so its state is there.
      if (event.type.startsWith('task-')) taskEvents += 1;
      if (left <= 0 || stream === undefined || !wanted(event, stream)) return;
      print(event, stream);
      left -= 1;
      if (left <= 0) resolve();
    };
    const open = async (): Promise<void> => {
      const opened = await app.events.receive(hear);
      stream = opened;
      call.defer(() => opened.close());
      if (options.enable === true) await app.control.enableEvents();
      else if (globals.quiet !== true && wantsTasks(options)) {
        const silence = context.clock.setTimeout(() => {
          if (taskEvents === 0)
            context.stderr.write('ctq: no task events so far; workers that were started without -E send none: --enable tells them to\n');
        }, SILENCE_MS);
        call.defer(() => silence.unref().cancel());
      }
    };
    open().catch(reject);
  });
  return EXIT.ok;
}

function wantsTasks({ type }: Call['options']): boolean {
  const types = type?.flat() ?? [];
  return types.length === 0 || types.some((one) => one.startsWith('task-') || one.startsWith('*'));
}

/** Longer than a task of a busy estate takes to come; Celery's workers send no task events by default. */
const SILENCE_MS = 5_000;

/** What workers and clients send of themselves; a program may send others. */
const KNOWN_TYPES = [
  ...['worker-online', 'worker-heartbeat', 'worker-offline'],
  ...['sent', 'received', 'started', 'succeeded', 'failed', 'rejected', 'revoked', 'retried'].map((what) => `task-${what}`),
];

/** A type that nobody sends is no error, and would be waited for in vain. */
function tellOfSlips({ options, globals, context }: Call): void {
  if (globals.quiet === true) return;
  for (const type of options.type?.flat() ?? []) {
    if (type.includes('*') || KNOWN_TYPES.includes(type)) continue;
    const lookalike = closestName(type, KNOWN_TYPES);
    const hint = lookalike === undefined ? `they are ${KNOWN_TYPES.join(', ')}` : `did you mean ${lookalike}?`;
    context.stderr.write(`ctq: note: ${JSON.stringify(type)} is none of the events that workers send (${hint})\n`);
  }
}

type Wanted = (event: ReceivedEvent, stream: EventStream) => boolean;

function filter({ type, task, worker }: Call['options']): Wanted {
  const [types, tasks, workers] = [matcher(type), matcher(task), matcher(worker)];
  return (event, { state }) => {
    if (types !== undefined && !types(event.type)) return false;
    if (workers !== undefined && !(typeof event.hostname === 'string' && workers(event.hostname))) return false;
    if (tasks === undefined) return true;
    // Only the first events of a task say its name.
    const { uuid, name } = event;
    const known = typeof name === 'string' ? name : typeof uuid === 'string' ? state.tasks.get(uuid)?.name : undefined;
    return typeof known === 'string' && tasks(known);
  };
}

function matcher(patterns: readonly (readonly string[])[] | undefined): ((text: string) => boolean) | undefined {
  if (patterns === undefined) return undefined;
  const expressions = patterns.flat().map(globToRegExp);
  return (text) => expressions.some((expression) => expression.test(text));
}

async function printer({ options, globals, context }: Call): Promise<(event: ReceivedEvent, stream: EventStream) => void> {
  const { stdout } = context;
  if (globals.json === true) return (event) => void stdout.write(`${jsonText(event)}\n`);
  if (options.dump === true) {
    const dumper = new EventDumper();
    return (event) => void stdout.write(`${dumper.line(event)}\n`);
  }
  if (!isTerminal(stdout)) return (event, { state }) => void stdout.write(`${eventCells(event, state).join('\t')}\n`);
  const paint = await paintFor(stdout, context.env, globals.noColor);
  return (event, { state }) => {
    const [time = '', type = '', node = '', id = '', task = '', details = ''] = eventCells(event, state);
    const what = id === '' ? '' : ` ${task}[${id}]`;
    const shown = details === '' ? '' : ` ${details}`;
    stdout.write(`${paint('dim', time)} ${paint(colourOf(event.type), type.padEnd(16))} ${node}${what}${shown}\n`);
  };
}

function colourOf(type: string): Colour {
  if (type === 'task-succeeded' || type === 'worker-online') return 'green';
  if (/^task-(failed|revoked|rejected)$|^worker-offline$/.test(type)) return 'red';
  if (type === 'task-retried') return 'yellow';
  return type.startsWith('worker-') ? 'dim' : 'blue';
}
