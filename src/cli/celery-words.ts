/** Celery's commands and options that ctq does not have (docs/migration.md), and words that are no commands, each with what to use instead. */

const COMMANDS: Readonly<Record<string, string>> = {
  amqp: "a broker's own tools do that: ctq queues, ctq keys and ctq purge look and clean",
  call: 'the command is ctq send',
  graph: 'ctq result --tree shows what a task sent, ctq status which workers are up',
  list: 'ctq queues lists queues, ctq keys their bindings',
  logtool: 'ctq worker --logfile-format json writes lines that any tool can count',
  multi: 'start ctq worker once per node; your process manager keeps them up',
  report: 'ctq inspect report tells about workers, ctq doctor about the estate',
  shell: "in node, await import('./tasks.js'); ctq send calls tasks without one",
  upgrade: 'settings need no upgrade: old and new spellings are read',
};

const PROCESS = "events is a plain program: the shell's own > and & do that";
const ALWAYS = 'leave it out; a message leaves the source once it has arrived';
const CAMERA = 'it belongs to --camera; ctq events --json gives every event to any program';

const OPTIONS: Readonly<Record<string, string>> = {
  '-j': "Celery's -j is --json",
  '--executable': 'ctq runs under the node that starts it',
  'worker --disable-prefetch': '--prefetch-multiplier 1 reserves no more than can run',
  'worker --events': "Celery's --events is -E, --task-events",
  'worker --discard': "Celery's --discard is --purge",
  'worker --schedule-filename': "Celery's --schedule-filename is -s, --schedule",
  'worker --scheduler': 'leave it out; entries live in the app and in the broker',
  'send -a': "Celery's -a is --args",
  'result -t': 'leave it out; the backend is that of -A or --result-backend',
  'result --task': 'leave it out; the backend is that of -A or --result-backend',
  'migrate -a': ALWAYS,
  'migrate --ack-messages': ALWAYS,
  'migrate -t': 'leave it out; it ends when it has seen all that waits',
  'migrate --timeout': 'leave it out; it ends when it has seen all that waits',
  'migrate -F': 'run it again',
  'migrate --forever': 'run it again',
  'events --detach': PROCESS,
  'events -l': PROCESS,
  'events --loglevel': PROCESS,
  'events -f': PROCESS,
  'events --logfile': PROCESS,
  'events --pidfile': PROCESS,
  'events --uid': PROCESS,
  'events --gid': PROCESS,
  'events --umask': PROCESS,
  'events --freq': CAMERA,
};

/** What people type for what has another name here; a method or a verb of one command is found by itself (main.ts). */
const OTHER_NAMES: Readonly<Record<string, string>> = {
  cancel: 'it is ctq control revoke <id>',
  consumers: 'it is ctq inspect active_queues, or ctq queues',
  dashboard: 'it is ctq top',
  flower: "ctq top shows workers, queues and tasks; Celery's Flower sees ctq's workers, too",
  kill: 'it is ctq control terminate SIGTERM <id>',
  metrics: 'it is ctq exporter',
  monitor: 'it is ctq top, or ctq events',
  nodes: 'it is ctq status',
  stop: 'it is ctq control shutdown; SIGTERM stops one worker',
  tasks: 'it is ctq inspect registered; ctq inspect active tells what runs',
  terminate: 'it is ctq control terminate SIGTERM <id>',
  workers: 'it is ctq status; ctq worker starts one',
};

/** For a first word that is no command of ours. */
export function celeryCommandHint(name: string): string | undefined {
  if (Object.hasOwn(COMMANDS, name)) return COMMANDS[name];
  return Object.hasOwn(OTHER_NAMES, name) ? OTHER_NAMES[name] : undefined;
}

/** For an option, as typed up to its `=`, that a command of ours does not have. */
export function celeryOptionHint(command: string, option: string): string | undefined {
  return OPTIONS[`${command} ${option}`] ?? (Object.hasOwn(OPTIONS, option) ? OPTIONS[option] : undefined);
}
