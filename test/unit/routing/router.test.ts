import { describe, expect, it } from 'vitest';
import type { ApplyAsyncOptions } from '../../../src/client/apply-async-options.js';
import { Router, type RoutingSettings } from '../../../src/routing/router.js';

const defaults: RoutingSettings = {
  taskQueues: null,
  taskDefaultQueue: 'celery',
  taskDefaultExchange: null,
  taskDefaultExchangeType: 'direct',
  taskDefaultRoutingKey: null,
  taskCreateMissingQueues: true,
  taskQueueMaxPriority: null,
  taskRoutes: null,
};

function route(settings: Partial<RoutingSettings>, options: ApplyAsyncOptions = {}, name = 'tasks.add') {
  return new Router({ ...defaults, ...settings }).route({ name, args: [], kwargs: {}, options });
}

/** `exchange/routing key`, as it stands in delivery_info. */
function destination(settings: Partial<RoutingSettings>, options: ApplyAsyncOptions = {}, name?: string): string {
  const { route: to } = route(settings, options, name);
  return `${to.exchange.name}/${to.routingKey}`;
}

describe('routing of a task', () => {
  it('sends to the default queue through the default exchange', () => {
    expect(destination({})).toBe('/celery');
    expect(destination({ taskDefaultQueue: 'myapp' })).toBe('/myapp');
  });

  it('makes a queue that nobody declared, bound to an exchange of its own name', () => {
    const { queue, route: to } = route({}, { queue: 'other' });
    expect(queue).toMatchObject({ name: 'other', exchange: { name: 'other', type: 'direct' }, routingKey: 'other', durable: true });
    expect(to).toEqual({ exchange: { name: '', type: 'direct' }, routingKey: 'other' });
  });

  it('refuses an unknown queue when missing queues are not to be made, and lists the known ones', () => {
    expect(() => route({ taskCreateMissingQueues: false }, { queue: 'other' })).toThrow(/unknown queue 'other'/);
  });

  it('ignores a routing key given alone on a direct exchange, as Celery does', () => {
    expect(destination({}, { routingKey: 'rk.one' })).toBe('/celery');
  });

  it('publishes by name when exchange and routing key are both given', () => {
    const { route: to } = route({}, { exchange: 'tasks_topic', exchangeType: 'topic', routingKey: 'a.b' });
    expect(to).toEqual({ exchange: { name: 'tasks_topic', type: 'topic' }, routingKey: 'a.b' });
  });

  it('publishes to the exchange of a topic queue with its routing key, or with the one given', () => {
    const taskQueues = [{ name: 'q_topic', exchange: 'ex_topic', exchangeType: 'topic', routingKey: 'task.#' }];
    expect(destination({ taskQueues }, { queue: 'q_topic' })).toBe('ex_topic/task.#');
    expect(destination({ taskQueues }, { queue: 'q_topic', routingKey: 'task.foo.bar' })).toBe('ex_topic/task.foo.bar');
  });

  it('lets the caller override what the route says, and takes the rest from it', () => {
    const taskRoutes = { 'tasks.add': { queue: 'math', priority: 6, serializer: 'yaml' } };
    const routed = route({ taskRoutes }, { priority: 1 });
    expect(routed.queue.name).toBe('math');
    expect(routed.options).toMatchObject({ priority: 1, serializer: 'yaml' });
  });
});

describe('task_routes', () => {
  it('prefers an exact name to a pattern, wherever it stands', () => {
    const taskRoutes = { 'tasks.*': 'globq', 'tasks.add': 'exact' };
    expect(destination({ taskRoutes })).toBe('/exact');
    expect(destination({ taskRoutes }, {}, 'tasks.mul')).toBe('/globq');
  });

  it('anchors a glob at both ends and takes its other characters literally', () => {
    const taskRoutes = { 'a.b*c': 'q' };
    expect(destination({ taskRoutes }, {}, 'a.bxxc')).toBe('/q');
    expect(destination({ taskRoutes }, {}, 'aXbxxc')).toBe('/celery');
    expect(destination({ taskRoutes }, {}, 'a.bxxc.d')).toBe('/celery');
  });

  it('takes pairs with regular expressions, anchored at the start, in order', () => {
    const taskRoutes = [
      [/tasks\.m/, 'first'],
      [/tasks\..*/, 'second'],
    ];
    expect(destination({ taskRoutes }, {}, 'tasks.mul')).toBe('/first');
    expect(destination({ taskRoutes }, {}, 'tasks.add')).toBe('/second');
    expect(destination({ taskRoutes }, {}, 'my.tasks.mul')).toBe('/celery');
  });

  it('asks functions and objects of a list in turn until one answers', () => {
    const seen: string[] = [];
    const taskRoutes = [(name: string) => void seen.push(name), { 'tasks.add': { queue: 'second' } }];
    expect(destination({ taskRoutes })).toBe('/second');
    expect(seen).toEqual(['tasks.add']);
  });

  it("reads Celery's spelling of options", () => {
    const taskRoutes = { 'tasks.add': { exchange: 'ex', exchange_type: 'topic', routing_key: 'k' } };
    expect(destination({ taskRoutes })).toBe('ex/k');
  });

  it.each([
    [{ 'tasks.add': 5 }, /the route of 'tasks.add' is 5/],
    ['tasks', /"tasks" is not a route/],
    [{ 'tasks.add': { que: 'x' } }, /unknown option 'que'/],
  ])('says what is wrong with %j', (taskRoutes, message) => {
    expect(() => route({ taskRoutes })).toThrow(message);
  });
});

describe('task_queues', () => {
  it('takes names, objects in either spelling, and an object by name', () => {
    const expected = { name: 'q', exchange: { name: 'ex', type: 'direct' }, routingKey: 'rk' };
    for (const taskQueues of [
      [{ name: 'q', exchange: 'ex', routingKey: 'rk' }],
      [{ name: 'q', exchange: 'ex', routing_key: 'rk' }],
      { q: { exchange: 'ex', binding_key: 'rk' } },
    ]) {
      expect(new Router({ ...defaults, taskQueues }).queues.declared()).toMatchObject([expected]);
    }
  });

  it('declares only what it lists, and the default queue when it lists nothing', () => {
    const names = (taskQueues: unknown) => new Router({ ...defaults, taskQueues }).queues.declared().map((queue) => queue.name);
    expect(names(['a', 'b'])).toEqual(['a', 'b']);
    expect(names(null)).toEqual(['celery']);
  });

  it.each([
    [[{ exchange: 'x' }], /has no name/],
    [[7], /7 is not a queue/],
    [[{ name: 'a', exchangeType: 'headers' }], /unknown exchange type 'headers'/],
    [[{ name: 'a', exchnge: 'x' }], /unknown key 'exchnge'/],
  ])('says what is wrong with %j', (taskQueues, message) => {
    expect(() => route({ taskQueues })).toThrow(message);
  });
});
