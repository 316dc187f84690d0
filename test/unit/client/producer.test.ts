import { afterEach, describe, expect, it } from 'vitest';
import { ConfigError, Ctq } from '../../../src/index.js';
import { decodeTaskMessage, type TaskMessage } from '../../../src/protocol/task-message.js';
import { acceptedContent } from '../../../src/protocol/serializers.js';
import type { Delivery } from '../../../src/broker.js';
import { consume } from '../../contract/broker/verbs.js';
import { DeliveryLog } from '../../contract/delivery-log.js';

const apps: Ctq[] = [];
afterEach(async () => {
  for (const app of apps.splice(0)) await app.close();
});

let estates = 0;

function newApp(settings: ConstructorParameters<typeof Ctq>[1] = {}): Ctq {
  const url = `memory://unit-${++estates}`;
  const app = new Ctq('unit', { brokerUrl: url, resultBackend: url, ...settings });
  apps.push(app);
  return app;
}

/** What stands in a queue, in order. */
async function taken(app: Ctq, queue: string, count: number): Promise<{ delivery: Delivery; task: TaskMessage }[]> {
  const log = new DeliveryLog();
  await consume(await app.broker(), [app.router.queues.get(queue)], count, log);
  const deliveries = await log.first(count);
  return Promise.all(
    deliveries.map(async (delivery) => ({
      delivery,
      task: await decodeTaskMessage(delivery.message, { accept: acceptedContent(['json', 'yaml']) }),
    })),
  );
}

describe('sending a task', () => {
  it('says that task_always_eager is another way to test, and sends what is only known by name', async () => {
    const app = newApp({ taskAlwaysEager: true });
    const add = app.task('unit.add', (x: number) => x);
    expect(() => add.delay(1)).toThrow('task_always_eager: unit.add cannot run inside the call that sends it');
    await expect(async () => add.s(1).delay()).rejects.toThrow(ConfigError);
    await app.sendTask('elsewhere.add', [1]);
    expect(await (await app.broker()).depth('celery')).toBe(1);
  });

  it('resolves once the broker has the message, with the plain handle', async () => {
    const app = newApp();
    const sent = app.sendTask('unit.add', [1, 2]);
    const result = await sent;
    expect(result.id).toBe(sent.id);
    expect('then' in result).toBe(false);
    const [first] = await taken(app, 'celery', 1);
    expect(first?.task).toMatchObject({
      id: sent.id,
      task: 'unit.add',
      args: [1, 2],
      kwargs: {},
      rootId: sent.id,
      parentId: null,
      retries: 0,
    });
  });

  it('keeps the order of the calls, the first of which declares the queue', async () => {
    const app = newApp();
    const sent = [1, 2, 3, 4].map((n) => app.sendTask('unit.n', [n]));
    await Promise.all(sent);
    expect((await taken(app, 'celery', 4)).map(({ task }) => task.args[0])).toEqual([1, 2, 3, 4]);
  });

  it('is finished before the app closes', async () => {
    const app = newApp();
    const sent = app.sendTask('unit.late', [1]);
    const other = newApp({ brokerUrl: `memory://unit-${estates}` });
    await other.broker();
    await app.close();
    await expect(sent.published).resolves.toBeUndefined();
    expect((await taken(other, 'celery', 1))[0]?.task.task).toBe('unit.late');
  });

  it('takes from the task what the call does not say', async () => {
    const app = newApp();
    const mail = app.task(
      { name: 'unit.mail', queue: 'mail', priority: 6, ignoreResult: true, serializer: 'yaml', timeLimit: 2 },
      (to: string) => to,
    );
    await mail.delay('a');
    await mail.applyAsync(['b'], { priority: 3, serializer: 'json' });
    const [second, first] = await taken(app, 'mail', 2);
    expect(first).toMatchObject({
      delivery: { message: { contentType: 'application/x-yaml', properties: { priority: 6 } } },
      task: { ignoreResult: true, timelimit: [2, null] },
    });
    expect(second).toMatchObject({ delivery: { message: { contentType: 'application/json', properties: { priority: 3 } } } });
  });

  it('follows task_routes unless the call names a queue', async () => {
    const app = newApp({ taskRoutes: { 'unit.*': 'routed' } });
    await app.sendTask('unit.a');
    await app.sendTask('unit.b', [], { queue: 'named' });
    expect((await taken(app, 'routed', 1))[0]?.task.task).toBe('unit.a');
    expect((await taken(app, 'named', 1))[0]?.task.task).toBe('unit.b');
  });

  it('shows the signals a message before and after it goes', async () => {
    const app = newApp();
    const seen: string[] = [];
    app.signals.beforeTaskPublish.connect(({ sender, headers }) => {
      seen.push(`before ${sender}`);
      (headers as Record<string, unknown>)['x-added'] = 1;
    });
    app.signals.afterTaskPublish.connect(({ sender }) => seen.push(`after ${sender}`));
    await app.sendTask('unit.signalled');
    expect(seen).toEqual(['before unit.signalled', 'after unit.signalled']);
    expect((await taken(app, 'celery', 1))[0]?.task.headers['x-added']).toBe(1);
  });

  it.each([
    ['', [], {}, /needs a name/],
    ['t', 'ab' as unknown as [], {}, /no list/],
    ['t', [], { kwargs: [] as unknown as {} }, /no object/],
    ['t', [new Set([1])], {}, /not JSON serializable/],
    ['t', [], { eta: 'tomorrow' }, /no ISO 8601 date/],
    ['t', [], { serializer: 'pickle' }, /pickle/],
    ['t', [], { compression: 'rar' }, /rar/],
    ['t', [], { exchangeType: 'headers' as 'direct' }, /unknown exchange type/],
  ])('refuses %j %j %j at once', (name, args, options, message) => {
    expect(() => newApp().sendTask(name, args, options)).toThrow(message);
  });
});

describe('a task that more follows than its readers allow', () => {
  const many = (count: number): readonly object[] => Array.from({ length: count }, () => ({ task: 'a' }));

  it.each([
    ['callbacks', { link: many(101) }, 'the task has 101 callbacks, and max_callbacks allows 100'],
    ['errbacks', { linkError: many(101) }, 'the task has 101 errbacks, and max_callbacks allows 100'],
    ['later steps', { chain: many(10_001) }, 'the task has 10001 later steps of its chain, and max_chain_length allows 10000'],
  ])('is refused at once: %s', async (_what, options, message) => {
    expect(() => newApp().sendTask('t', [], options)).toThrow(message);
    await expect(newApp({ maxCallbacks: 101, maxChainLength: 10_001 }).sendTask('t', [], options)).resolves.toBeDefined();
  });
});

describe('an app', () => {
  it('refuses two tasks of one name', () => {
    const app = newApp();
    app.task('unit.twice', () => 1);
    expect(() => app.task('unit.twice', () => 2)).toThrow(/registered twice/);
  });

  it('names a function task after itself', () => {
    const app = newApp();
    expect(app.task(function fetchAll() {}).name).toBe('unit.fetchAll');
    expect(() => app.task(() => 1)).toThrow(/without a name/);
  });

  it('lets the environment have the last word over its own settings', async () => {
    const app = newApp();
    app.configure({ layers: [new Map([['taskDefaultQueue', { value: 'env', source: 'test' }]])], baseFolder: '/', connectTimeoutMs: 1 });
    app.conf.taskDefaultQueue = 'own';
    expect(app.conf.taskDefaultQueue).toBe('env');
    expect(app.sourceOf('taskDefaultQueue')).toBe('test');
  });
});
