/** The library's public names, and nothing else. */
export { type CrontabFields, crontab } from './beat/crontab.js';
export { type Duration, type DurationInput, every } from './beat/interval.js';
export type { PeriodicTask, PeriodicTaskOptions } from './beat/periodic-task.js';
export type { Schedule } from './beat/schedule.js';
export type { CatchUp, ScheduleEntryInput } from './beat/schedule-entry.js';
export type { ScheduleInput } from './beat/schedule-kinds.js';
export { type SolarEvent, solar } from './beat/solar.js';
export type { ExchangeType } from './broker.js';
export { chain, chord, group, signature } from './canvas/compose.js';
export {
  type AnySignature,
  Group,
  Signature,
  type SignatureLike,
  type SignatureOptions,
  type UntypedSignature,
} from './canvas/signature.js';
export type { Stamps, StampingVisitor } from './canvas/stamp.js';
export type { SignatureJson } from './protocol/signature.js';
export type { ApplyAsyncOptions, RetryPolicy } from './client/apply-async-options.js';
export { AsyncResult, type GetOptions, SentTask } from './client/async-result.js';
export { type CommandDefaults, type ConfigFile, defineConfig } from './config/define-config.js';
export { GroupResult, SentGroup } from './client/group-result.js';
export type { AnyResult, RevokeOptions } from './client/result-source.js';
export type { ResultGraph } from './client/result-walk.js';
export type { SettingsInput } from './config/settings.js';
export { Ctq } from './ctq.js';
export type { AppWorkerOptions } from './ctq/open-worker.js';
export type { AppBeatOptions } from './ctq/open-beat.js';
export type { SecurityOptions } from './ctq/set-up-security.js';
export {
  BrokerError,
  ConfigError,
  CtqError,
  NoReplyError,
  NotFoundError,
  OutputFileError,
  ProtocolError,
  type RemoteErrorInfo,
  ResultBackendError,
  TaskError,
  UsageError,
  WaitTimeoutError,
} from './errors.js';
export type { ClusterState, ClusterStateOptions, TaskStatus, WorkerStatus } from './events/cluster-state.js';
export type { Events, EventStream, ReceiveOptions } from './events/event-stream.js';
export type { ReceivedEvent } from './events/receiver.js';
export type { TaskRequest } from './execution/invocation.js';
export type { Logger, LogLevel } from './logger.js';
export type { ResultMeta } from './protocol/result-meta.js';
export { type CommandArguments, CommandError, type CommandParameter, type WorkerView } from './remote-control/command.js';
export type {
  Addressing,
  CommandHandler,
  CommandOptions,
  Control,
  ControlRevokeOptions,
  Replies,
  TellOptions,
} from './remote-control/control.js';
export type { Inspect } from './remote-control/inspect.js';
export type { QueueInput } from './routing/queues.js';
export type { RoutePair, TaskRoute, TaskRouter, TaskRoutes } from './routing/task-routes.js';
export {
  Ignore,
  Reject,
  Replaced,
  Retry,
  type RetryOptions,
  SoftTimeLimitExceeded,
  Task,
  type TaskContext,
  type TaskFunction,
  type TaskOptions,
  TaskRevoked,
} from './task.js';
