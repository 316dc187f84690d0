/**
 * `taskRoutes`: which options a task's name implies. An object, a list of pairs, a function, or a list
 * of these; the first that answers wins. Exact names win over patterns, patterns are tried in order
 * (WIRE 3.6, Celery's `app/routes.py`).
 */
import { ConfigError } from '../errors.js';
import type { ApplyAsyncOptions } from '../client/apply-async-options.js';

/** What a route may say: a queue's name, or options as for `applyAsync`. */
export type RouteAnswer = string | RouteOptions;
export type RouteOptions = Pick<
  ApplyAsyncOptions,
  'queue' | 'exchange' | 'exchangeType' | 'routingKey' | 'priority' | 'serializer' | 'compression' | 'expires' | 'deliveryMode' | 'headers'
>;

export interface RoutedCall {
  readonly name: string;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  readonly options: ApplyAsyncOptions;
}

/** Says of a call where it goes; null leaves that to the next rule. */
export type TaskRouter = (
  name: string,
  args: readonly unknown[],
  kwargs: Readonly<Record<string, unknown>>,
  options: ApplyAsyncOptions,
) => RouteAnswer | null | undefined;

/** Tasks whose names match, and where they go. */
export type RoutePair = readonly [pattern: string | RegExp, answer: RouteAnswer];

/** One rule of `taskRoutes`: a function, names with `*` and where they go, or pairs of a pattern and an answer. */
export type TaskRoute = TaskRouter | Readonly<Record<string, RouteAnswer>> | readonly RoutePair[];

/** The setting `taskRoutes`: one rule, or several of which the first that has an answer is right. */
export type TaskRoutes = TaskRoute | readonly TaskRoute[];

export type RouteLookup = (call: RoutedCall) => RouteOptions | undefined;

/**
 * Reads the setting once, so that each call only looks up.
 *
 * @throws {@link ConfigError} naming the part that is no route.
 */
export function compileRoutes(input: unknown): RouteLookup {
  const routers = listRoutes(input).map(compileRoute);
  return (call) => {
    for (const route of routers) {
      const answer = route(call.name, call.args, call.kwargs, call.options);
      if (answer !== null && answer !== undefined) return toOptions(answer);
    }
    return undefined;
  };
}

function listRoutes(input: unknown): unknown[] {
  if (input === null || input === undefined) return [];
  if (!Array.isArray(input)) return [input];
  return input.length > 0 && input.every(isPair) ? [input] : input;
}

function isPair(item: unknown): item is RoutePair {
  return Array.isArray(item) && item.length === 2 && (typeof item[0] === 'string' || item[0] instanceof RegExp);
}

function compileRoute(route: unknown): TaskRouter {
  if (typeof route === 'function') return route as TaskRouter;
  if (Array.isArray(route) && route.every(isPair)) return compilePairs(route);
  if (typeof route === 'object' && route !== null && !Array.isArray(route)) return compilePairs(Object.entries(route));
  throw new ConfigError(`task_routes: ${JSON.stringify(route)} is not a route`, {
    hint: "use { 'tasks.mail.*': { queue: 'mail' } }, a list of [pattern, route] pairs, or a function",
  });
}

function compilePairs(pairs: readonly RoutePair[]): TaskRouter {
  const exact = new Map<string, RouteAnswer>();
  const patterns: [RegExp, RouteAnswer][] = [];
  for (const [pattern, answer] of pairs) {
    if (typeof answer !== 'string' && (typeof answer !== 'object' || answer === null)) {
      throw new ConfigError(`task_routes: the route of '${String(pattern)}' is ${JSON.stringify(answer)}`, {
        hint: "a route is a queue's name or an object such as { queue: 'mail' }",
      });
    }
    if (pattern instanceof RegExp) patterns.push([new RegExp(`^(?:${pattern.source})`, pattern.flags.replace(/[gy]/g, '')), answer]);
    else if (pattern.includes('*')) patterns.push([globToRegExp(pattern), answer]);
    else exact.set(pattern, answer);
  }
  return (name) => exact.get(name) ?? patterns.find(([pattern]) => pattern.test(name))?.[1];
}

/** `*` is the only special character, as in Celery's route globs. */
export function globToRegExp(glob: string): RegExp {
  const parts = glob.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*?')}$`);
}

const ROUTE_KEYS: Readonly<Record<string, keyof RouteOptions>> = Object.freeze({
  queue: 'queue',
  exchange: 'exchange',
  exchangeType: 'exchangeType',
  exchange_type: 'exchangeType',
  routingKey: 'routingKey',
  routing_key: 'routingKey',
  priority: 'priority',
  serializer: 'serializer',
  compression: 'compression',
  expires: 'expires',
  deliveryMode: 'deliveryMode',
  delivery_mode: 'deliveryMode',
  headers: 'headers',
});

function toOptions(answer: RouteAnswer): RouteOptions {
  if (typeof answer === 'string') return { queue: answer };
  const options: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(answer)) {
    const name = ROUTE_KEYS[key];
    if (name === undefined) {
      throw new ConfigError(`task_routes: unknown option '${key}'`, { hint: `a route has ${Object.values(ROUTE_KEYS).join(', ')}` });
    }
    if (value !== null && value !== undefined) options[name] = value;
  }
  return options;
}
