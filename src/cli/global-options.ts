/** Options that every command has, before its name or after it. */
import { flag, type OptionValues, unavailable, value } from './command.js';
import { seconds, text } from './option-values.js';

export const globalOptions = {
  app: value('-A, --app <module>', 'module with the app: tasks, proj.tasks, worker:app (CTQ_APP)', text, { completes: 'file' }),
  broker: value('-b, --broker <url>', 'where messages wait (CTQ_BROKER_URL); default: an SQLite file, .ctq/ctq.db', text),
  resultBackend: value('--result-backend <url>', "where results are kept (CTQ_RESULT_BACKEND); default: the broker's own engine", text),
  config: value('--config <file>', 'read this config file (CTQ_CONFIG) instead of looking for one', text, { completes: 'file' }),
  workdir: value('--workdir <dir>', 'change to this folder first', text, { completes: 'folder' }),
  connectTimeout: value(
    '--connect-timeout <seconds>',
    'give up after this long without a connection; default 4, a worker never does',
    seconds,
  ),
  json: flag('--json', 'print JSON'),
  quiet: flag('-q, --quiet', 'no hints, spinners and progress'),
  noColor: flag('-C, --no-color', 'no colours'),
  version: flag('--version', 'print the version'),
  help: flag('-h, --help', 'print this help'),
} as const;

/** Python's loaders have no counterpart here, and a typing mistake is worth another answer. */
export const unavailableGlobals = {
  loader: unavailable('--loader <class>', 'ctq loads modules by itself; -A names one'),
  skipChecks: unavailable('--skip-checks', 'there are no Django checks to skip'),
} as const;

export type GlobalOptions = OptionValues<typeof globalOptions>;
