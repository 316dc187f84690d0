/**
 * Task name and options → exchange and routing key. Explicit options win, then `taskRoutes`, then the
 * default queue; a direct exchange is by-passed through AMQP's default one (WIRE 3.6).
 */
import type { Queue, Route } from '../broker.js';
import type { ApplyAsyncOptions } from '../client/apply-async-options.js';
import { DEFAULT_EXCHANGE, exchangeType, Queues, type QueueSettings } from './queues.js';
import { compileRoutes, type RoutedCall, type RouteLookup } from './task-routes.js';

export interface RoutingSettings extends QueueSettings {
  readonly taskRoutes: unknown;
}

export interface RoutedTask {
  readonly route: Route;
  /** To be declared before publishing; its name is what people call the destination. */
  readonly queue: Queue;
  /** The caller's options over those of the route. */
  readonly options: ApplyAsyncOptions;
}

export class Router {
  readonly queues: Queues;
  private readonly lookup: RouteLookup;

  constructor(settings: RoutingSettings) {
    this.queues = new Queues(settings);
    this.lookup = compileRoutes(settings.taskRoutes);
  }

  route(call: RoutedCall): RoutedTask {
    const implied = this.lookup(call);
    const options = implied === undefined ? call.options : override(implied, call.options);
    const queue = options.queue === undefined ? this.queues.default : this.queues.get(options.queue);
    return { route: destination(queue, options), queue, options };
  }
}

function destination(queue: Queue, options: ApplyAsyncOptions): Route {
  const type = options.exchangeType === undefined ? queue.exchange.type : exchangeType(options.exchangeType, 'exchange_type');
  const { exchange, routingKey } = options;
  const complete = Boolean(exchange) && Boolean(routingKey);
  if (type === 'direct' && !complete) return { exchange: DEFAULT_EXCHANGE, routingKey: queue.name };
  return {
    exchange: { name: exchange ?? queue.exchange.name, type },
    routingKey: routingKey ?? queue.routingKey,
  };
}

/** The caller's options over the route's; undefined and null mean "not given". */
function override(implied: ApplyAsyncOptions, given: ApplyAsyncOptions): ApplyAsyncOptions {
  const merged: Record<string, unknown> = { ...implied };
  for (const [key, value] of Object.entries(given)) if (value !== undefined && value !== null) merged[key] = value;
  return merged;
}
