/**
 * The front door of a pool's child, process or thread: loads the app that the parent has loaded, and
 * answers invocations until it is told to leave.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { reopenApp } from './app-loader.js';
import { openChannel } from './child/channel.js';
import { channelLogger } from './child/log.js';
import { Runner } from './child/runner.js';
import type { Ctq } from './ctq.js';
import { IN_CHILD, readHome } from './ctq/app-home.js';
import { ConfigError } from './errors.js';
import { logPrints } from './execution/printed-lines.js';
import { catchStrayErrors } from './execution/stray-errors.js';
import type { ChildSetting, ToChild } from './pools/child-messages.js';
import { describeError } from './protocol/exception.js';
import { CTQ_VERSION } from './version.js';

/** What code that a run has left behind gets to end by itself. */
const LEFTOVER_MS = 1_000;

interface Serving {
  readonly app: Ctq;
  readonly runner: Runner;
  readonly nodename: string;
}

let serving: Serving | undefined;
Object.assign(globalThis, { [IN_CHILD]: true });

const channel = openChannel((message) => {
  hear(message).catch((error: unknown) => {
    const { message: text, hint } = error as { readonly message?: string; readonly hint?: string };
    const { traceback } = describeError(error);
    channel.send({ kind: 'failed', message: text ?? String(error), hint: hint ?? null, stack: traceback?.trimEnd() ?? String(error) });
  });
});

async function hear(message: ToChild): Promise<void> {
  switch (message.kind) {
    case 'start':
      serving = await begin(message.setting);
      channel.send({ kind: 'ready' });
      break;
    case 'run':
      serving?.runner.run(message.text);
      break;
    case 'abort':
      serving?.runner.abort(message.reason, message.signal);
      break;
    case 'stored':
      serving?.runner.stored(message);
      break;
    case 'leave':
      await leave();
      break;
    default:
      message satisfies never;
  }
}

async function begin({ version, home, nodename, processName, logLevel, printLevel, weigh }: ChildSetting): Promise<Serving> {
  if (version !== CTQ_VERSION) {
    throw new ConfigError(`ctq ${version} was replaced by ${CTQ_VERSION} while the worker runs`, { hint: 'restart the worker' });
  }
  if (channel.where === 'process') process.title = `ctq ${nodename} ${processName}`;
  const logger = channelLogger(channel, logLevel);
  if (printLevel !== null) {
    for (const stream of [process.stdout, process.stderr]) logPrints(stream, { logger, level: printLevel, outside: 'log' });
  }
  catchStrayErrors(logger, () => serving?.runner.broke());
  const { app } = await reopenApp(home.address);
  app.configure(readHome(home));
  app.signals.onHandlerError((signal, error) => {
    logger.error('A handler of the signal %s raised:\n%s', signal, describeError(error).traceback?.trimEnd() ?? String(error));
  });
  await app.signals.workerProcessInit.send({ sender: nodename, pid: process.pid });
  return { app, runner: new Runner({ app, channel, logger, weigh }), nodename };
}

async function leave(): Promise<void> {
  if (serving !== undefined) {
    const { app, runner, nodename } = serving;
    for (let waitedMs = 0; runner.leftovers > 0 && waitedMs < LEFTOVER_MS; waitedMs += 25) await pause(25);
    await app.signals.workerProcessShutdown.send({ sender: nodename, pid: process.pid, exitcode: 0 });
    await app.close();
  }
  channel.end();
}
