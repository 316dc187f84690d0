/**
 * The worker: its parts in the order they start, stopped in reverse.
 */
import type { ExitStatus, StopMode, WorkerOptions, WorkerParts, WorkerState } from './worker-parts.js';

export type {
  ExitStatus,
  StopMode,
  TaskPublisher,
  WorkerOptions,
  WorkerParts,
  WorkerSettings,
  WorkerState,
  WorkerVoice,
} from './worker-parts.js';

export class Worker {
  readonly parts: WorkerParts;
  readonly options: WorkerOptions;

  constructor(parts: WorkerParts, options: WorkerOptions = {}) {
    this.parts = parts;
    this.options = options;
  }

  get state(): WorkerState {
    return 'starting';
  }

  /** Runs tasks until {@link stop}; resolves then. @throws ConfigError or BrokerError when it cannot begin at all. */
  start(): Promise<ExitStatus> {
    return Promise.reject(new Error('not yet'));
  }

  /** Resolves when the worker has stopped; a cold stop may overtake a warm one. */
  stop(_how: StopMode): Promise<void> {
    return Promise.resolve();
  }
}
