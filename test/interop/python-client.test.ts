/** Python calls, ctq works: a Celery client must not notice whose worker it is. */
import { expect, it } from 'vitest';
import { startCtqWorker } from '../support/ctq-worker.js';
import { forSuite } from '../support/for-suite.js';
import { runPython } from '../support/python-celery.js';
import { startRedis } from '../support/redis-server.js';
import { describeWith } from '../support/requires.js';
import { tmpFolder } from '../support/tmp.js';

describeWith(['redis', 'python'], 'a Python client calling a ctq worker', () => {
  const marks = tmpFolder();

  const redis = forSuite(startRedis);
  forSuite(() => startCtqWorker({ broker: redis().url, queues: ['celery', 'other'], env: { CTQ_TEST_MARKS: marks } }));

  const python = (snippet: string, conf: Record<string, unknown> = {}) =>
    runPython(snippet, { broker: redis().url, backend: redis().url, conf });

  it('gets results for positional and keyword arguments', async () => {
    expect(
      await python(`
        result = [add.delay(3, 4).get(timeout=30), add.apply_async(kwargs={"x": 5, "y": 6}).get(timeout=30),
                  add.apply_async((7,), {"y": 8}).get(timeout=30), echo.delay(1, "two", None, key=[True]).get(timeout=30)]
      `),
    ).toEqual([7, 11, 15, { args: [1, 'two', null], kwargs: { key: [true] } }]);
  });

  it('gets every value of JSON back as it was', async () => {
    expect(
      await python(`
        values = [2**53 + 1, -2**70, 10**30, 0.1, 1e100, -1e-7, "h\\u00e9llo \\U0001f600", "a\\"b'c\\\\d\\n\\t\\x00\\u2028", "\\ud800", None, True, [], {},
                  {"__proto__": 1, "constructor": 2}, [[[[[[1]]]]]]]
        back = [ident.delay(value).get(timeout=30) for value in values]
        import math
        nan = ident.delay(float("nan")).get(timeout=30)
        inf = ident.delay(float("-inf")).get(timeout=30)
        result = [back == values, [type(b).__name__ for b in back[:5]], math.isnan(nan), inf == float("-inf")]
      `),
    ).toEqual([true, ['int', 'int', 'int', 'float', 'float'], true, true]);
  });

  it.each(['json', 'yaml', 'msgpack'])('is understood in %s', async (serializer) => {
    expect(
      await python(`result = echo.apply_async((1, "x", [1, {"a": None}]), {"k": 1.5}, serializer="${serializer}").get(timeout=30)`),
    ).toEqual({
      args: [1, 'x', [1, { a: null }]],
      kwargs: { k: 1.5 },
    });
  });

  it.each(['zlib', 'gzip', 'bzip2', 'lzma'])('is understood when compressed with %s', async (compression) => {
    expect(await python(`result = add.apply_async((20, 1), compression="${compression}").get(timeout=30)`)).toBe(21);
  });

  it('is not run before its countdown or eta is over', async () => {
    // Who got its value too early, or saw it stored, would not have waited for so long.
    const waited = await python(`
      import time, datetime
      start = time.time()
      a = marked.apply_async(("countdown",), countdown=1.5)
      b = add.apply_async((1, 1), eta=datetime.datetime.utcnow().replace(tzinfo=datetime.timezone.utc) + datetime.timedelta(seconds=1))
      b.get(timeout=30); waited_b = time.time() - start
      a.get(timeout=30); waited_a = time.time() - start
      result = [waited_b >= 1.0, waited_a >= 1.5]
    `);
    expect(waited).toEqual([true, true]);
  });

  it('sees an expired task as revoked', async () => {
    expect(
      await python(`
        from celery.exceptions import TaskRevokedError
        r = add.apply_async((1, 2), expires=-5)
        try:
            r.get(timeout=30)
            result = "ran"
        except TaskRevokedError as error:
            result = [r.state, str(error)]
      `),
    ).toEqual(['REVOKED', 'expired']);
  });

  it('finds its task in the queue and at the priority it asked for', async () => {
    expect(
      await python(`
        info = request_info.apply_async(queue="other", priority=6).get(timeout=30)
        result = [info["delivery_info"], info["retries"], info["root_id"] == info["id"], info["origin"].startswith("gen")]
      `),
    ).toEqual([{ exchange: '', routingKey: 'other', priority: 6, redelivered: false }, 0, true, true]);
  });

  it('gets the error raised again, of the right type and with the right message', async () => {
    expect(
      await python(`
        caught = []
        try:
            fail.delay("boom").get(timeout=30)
        except ValueError as error:
            caught.append([type(error).__module__, error.args])
        try:
            fail_custom.delay().get(timeout=30)
        except Exception as error:
            caught.append([type(error).__name__, error.args])
        r = fail.delay("with trace")
        r.get(timeout=30, propagate=False)
        result = [caught, "ValueError: with trace" in r.traceback, r.state]
      `),
    ).toEqual([
      [
        ['builtins', ['boom']],
        ['CustomError', ['zwei']],
      ],
      true,
      'FAILURE',
    ]);
  });

  it('gets a TypeError when the arguments do not fit, as from Python', async () => {
    expect(
      await python(`
        caught = []
        for args, kwargs in (((1,), {}), ((1, 2, 3), {}), ((1, 2), {"z": 3})):
            try:
                app.send_task("tasks.add", args, kwargs).get(timeout=30)
            except TypeError as error:
                caught.append(str(error))
        result = caught
      `),
    ).toEqual([
      expect.stringContaining("missing 1 required positional argument: 'y'"),
      expect.stringContaining('takes 2 positional arguments but 3 were given'),
      expect.stringContaining("got an unexpected keyword argument 'z'"),
    ]);
  });

  it('sees retries through: the same id, counted, and the last error when they are used up', async () => {
    expect(
      await python(`
        caught = None
        try:
            retry_exhaust.delay().get(timeout=20)
        except ValueError as error:
            caught = str(error)
        from celery.exceptions import MaxRetriesExceededError
        exceeded = None
        r = retry_noexc.delay()
        try:
            r.get(timeout=20)
        except MaxRetriesExceededError as error:
            exceeded = str(error).replace(r.id, "ID")
        result = [retry_me.delay(2).get(timeout=20), caught, exceeded]
      `),
    ).toEqual([2, 'always', "Can't retry tasks.retry_noexc[ID] args:() kwargs:{}"]);
  });

  it('retries by itself for the errors named, then fails with the last', async () => {
    expect(
      await python(`
        r = auto.delay()
        r.get(timeout=20, propagate=False)
        result = [r.state, type(r.result).__name__]
      `),
    ).toEqual(['FAILURE', 'CustomError']);
  });

  it('sees the states on the way', async () => {
    expect(
      await python(`
        import time
        # They go on until they have been seen.
        r = progress.delay(60)
        p = started.delay(60)
        deadline = time.time() + 30
        while (r.state != "PROGRESS" or p.state != "STARTED") and time.time() < deadline:
            time.sleep(0.02)
        result = [r.state, r.info, p.state, sorted(p.info)]
        app.control.revoke([r.id, p.id], terminate=True)
        r.get(timeout=30, propagate=False); p.get(timeout=30, propagate=False)
        result += [progress.delay().get(timeout=30), started.delay().get(timeout=30)]
      `),
    ).toEqual(['PROGRESS', { done: 1, of: 2 }, 'STARTED', ['hostname', 'pid'], 'done', 0]);
  });

  it('gets NotRegistered for a task that the worker does not know', async () => {
    expect(
      await python(`
        from celery.exceptions import NotRegistered
        try:
            app.send_task("tasks.missing").get(timeout=30)
            result = "ran"
        except NotRegistered as error:
            result = str(error)
      `),
    ).toContain('tasks.missing');
  });

  it('has its links called with the result, and its errbacks with the id', async () => {
    expect(
      await python(`
        import os, time
        first = add.apply_async((2, 3), link=mul.s(10))
        first.get(timeout=30)
        child = first.children[0]
        broken = fail.apply_async(("linked",), link_error=errback.s())
        broken.get(timeout=30, propagate=False)
        deadline = time.time() + 30
        while not any(name.startswith("errback." + broken.id) for name in os.listdir("${marks}")) and time.time() < deadline:
            time.sleep(0.02)
        result = [child.get(timeout=30), any(name.startswith("errback." + broken.id) for name in os.listdir("${marks}"))]
      `),
    ).toEqual([50, true]);
  });

  it('gets no result for an ignored one, and nothing is stored', async () => {
    expect(
      await python(`
        import redis as redis_client, time
        r = ignored.delay()
        after = add.delay(1, 1)
        after.get(timeout=30)
        time.sleep(0.2)
        result = redis_client.Redis.from_url("${redis().url}").exists("celery-task-meta-" + r.id)
      `),
    ).toBe(0);
  });

  it('finds protocol 1 messages understood', async () => {
    expect(await python('result = add.apply_async((30, 3)).get(timeout=30)', { task_protocol: 1 })).toBe(33);
  });

  it('leaves nothing unacknowledged behind', async () => {
    const left = await python(`
      import redis as redis_client, time
      client = redis_client.Redis.from_url("${redis().url}")
      add.delay(1, 1).get(timeout=30)
      deadline = time.time() + 30
      while (client.hlen("unacked") or client.zcard("unacked_index")) and time.time() < deadline:
          time.sleep(0.02)
      result = [client.hlen("unacked"), client.zcard("unacked_index"), client.llen("celery")]
    `);
    expect(left).toEqual([0, 0, 0]);
  });
});
