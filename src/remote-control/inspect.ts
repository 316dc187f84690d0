/** Questions to workers, one method each, as `app.control.inspect()` has them in Celery. Answers are by node name; nobody there gives `{}`. */
import type { CommandArguments } from './command.js';
import type { Ok } from './answers.js';
import type { Replies } from './control.js';
import type { ShownRequest } from './shown-request.js';

type Ask = (method: string, args: CommandArguments) => Promise<Replies>;

export interface ScheduledTask {
  readonly eta: string | null;
  readonly priority: number;
  readonly request: ShownRequest;
}

/** `app.control.inspect()`: what workers do, hold and are, by node name. */
export class Inspect {
  private readonly ask: <Value>(method: string, args?: CommandArguments) => Promise<Replies<Value>>;

  constructor(ask: Ask) {
    this.ask = <Value>(method: string, args: CommandArguments = {}) => ask(method, args) as Promise<Replies<Value>>;
  }

  ping(): Promise<Replies<Ok<'pong'>>> {
    return this.ask('ping');
  }

  /** Tasks that run; `safe` gives arguments as texts. */
  active(options: { readonly safe?: boolean } = {}): Promise<Replies<readonly ShownRequest[]>> {
    return this.ask('active', options.safe === undefined ? {} : { safe: options.safe });
  }

  reserved(): Promise<Replies<readonly ShownRequest[]>> {
    return this.ask('reserved');
  }

  scheduled(): Promise<Replies<readonly ScheduledTask[]>> {
    return this.ask('scheduled');
  }

  revoked(): Promise<Replies<readonly string[]>> {
    return this.ask('revoked');
  }

  /** Task names, each with those of the attributes that it has. */
  registered(...attributes: readonly string[]): Promise<Replies<readonly string[]>> {
    return this.ask('registered', { taskinfoitems: attributes });
  }

  stats(): Promise<Replies<Readonly<Record<string, unknown>>>> {
    return this.ask('stats');
  }

  activeQueues(): Promise<Replies<readonly Readonly<Record<string, unknown>>[]>> {
    return this.ask('active_queues');
  }

  conf(options: { readonly withDefaults?: boolean } = {}): Promise<Replies<Readonly<Record<string, unknown>>>> {
    return this.ask('conf', { with_defaults: options.withDefaults ?? false });
  }

  report(): Promise<Replies<Ok>> {
    return this.ask('report');
  }

  clock(): Promise<Replies<{ readonly clock: number }>> {
    return this.ask('clock');
  }

  /** Id → `[state, task]` for those that a worker holds. */
  queryTask(...ids: readonly string[]): Promise<Replies<Readonly<Record<string, readonly [string, ShownRequest]>>>> {
    return this.ask('query_task', { ids });
  }

  memsample(): Promise<Replies<string | null>> {
    return this.ask('memsample');
  }

  memdump(samples = 10): Promise<Replies<string>> {
    return this.ask('memdump', { samples });
  }

  objgraph(): Promise<Replies> {
    return this.ask('objgraph');
  }
}
