/** Every remote-control command of Celery: the table that worker and command line share. A new one is one line here. */
import type { RemoteCommand } from '../command.js';
import { active } from './active.js';
import { activeQueues } from './active-queues.js';
import { addConsumer } from './add-consumer.js';
import { autoscale } from './autoscale.js';
import { cancelConsumer } from './cancel-consumer.js';
import { clock } from './clock.js';
import { conf } from './conf.js';
import { election } from './election.js';
import { heartbeat } from './heartbeat.js';
import { hello } from './hello.js';
import { memdump, memsample } from './memory.js';
import { objgraph } from './objgraph.js';
import { ping } from './ping.js';
import { poolRestart } from './pool-restart.js';
import { poolGrow, poolShrink } from './pool-size.js';
import { queryTask } from './query-task.js';
import { rateLimit } from './rate-limit.js';
import { registered } from './registered.js';
import { report } from './report.js';
import { reserved } from './reserved.js';
import { revoke, terminate } from './revoke.js';
import { revokeByStampedHeaders } from './revoke-by-stamped-headers.js';
import { revoked } from './revoked.js';
import { scheduled } from './scheduled.js';
import { shutdown } from './shutdown.js';
import { stats } from './stats.js';
import { disableEvents, enableEvents } from './task-events.js';
import { timeLimit } from './time-limit.js';

export const remoteCommands: readonly RemoteCommand[] = [
  // inspect
  active,
  activeQueues,
  clock,
  conf,
  hello,
  memdump,
  memsample,
  objgraph,
  ping,
  queryTask,
  registered,
  report,
  reserved,
  revoked,
  scheduled,
  stats,
  // control
  addConsumer,
  autoscale,
  cancelConsumer,
  disableEvents,
  election,
  enableEvents,
  heartbeat,
  poolGrow,
  poolRestart,
  poolShrink,
  rateLimit,
  revoke,
  revokeByStampedHeaders,
  shutdown,
  terminate,
  timeLimit,
];

/** By the names and aliases that a worker obeys. */
export function commandTable(commands: readonly RemoteCommand[]): ReadonlyMap<string, RemoteCommand> {
  const table = new Map<string, RemoteCommand>();
  for (const command of commands) {
    table.set(command.name, command);
    if (command.alias !== undefined) table.set(command.alias, command);
  }
  return table;
}
