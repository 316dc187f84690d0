/** The tests' own tools: what they promise, other tests lean on. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { REAPER } from './cleanup.js';
import { eventually } from './eventually.js';
import { FakeClock } from './fake-clock.js';
import { OwnedProcess } from './owned-process.js';
import { TcpProxy } from './proxy.js';
import { runPython, startCeleryWorker } from './python-celery.js';
import { startRedis } from './redis-server.js';
import { describeWith } from './requires.js';

describe('FakeClock', () => {
  it('fires timers in order of time, and lets what they started run on', async () => {
    const clock = new FakeClock(0);
    const fired: string[] = [];
    clock.setTimeout(() => fired.push(`late@${clock.nowMs()}`), 2000);
    clock.setTimeout(() => {
      fired.push(`early@${clock.monotonicMs()}`);
      void Promise.resolve().then(() => clock.setTimeout(() => fired.push(`nested@${clock.nowMs()}`), 500));
    }, 1000);
    await clock.advance(1499);
    expect(fired).toEqual(['early@1000']);
    await clock.advance(1000);
    expect(fired).toEqual(['early@1000', 'nested@1500', 'late@2000']);
    expect(clock.pendingTimers).toBe(0);
  });

  it('jumps the wall clock without firing anything', async () => {
    const clock = new FakeClock(0);
    let fired = false;
    clock.setTimeout(() => (fired = true), 10);
    clock.jumpTo(1_000_000);
    await clock.advance(0);
    expect([fired, clock.nowMs(), clock.monotonicMs()]).toEqual([false, 1_000_000, 0]);
  });
});

describe('OwnedProcess', () => {
  it('gives output, exit code and input', async () => {
    const cat = new OwnedProcess('sh', ['-c', 'cat; echo talk >&2; exit 3'], { input: 'hello\n' });
    expect(await cat.waitForExit()).toEqual({ code: 3, signal: null });
    expect([cat.stdout, cat.stderr]).toEqual(['hello\n', 'talk\n']);
  });

  it('says what the process said when it ends without the awaited words', async () => {
    const short = new OwnedProcess('sh', ['-c', 'echo only this']);
    await expect(short.waitForOutput(/something else/)).rejects.toThrow(/exit code 0[^]*only this/);
  });

  it('fails clearly when there is no such program', async () => {
    const none = new OwnedProcess('/nonexistent/program', []);
    await expect(none.waitForExit()).rejects.toThrow(/ENOENT/);
  });

  it('kills grandchildren too', async () => {
    const parent = new OwnedProcess('sh', ['-c', 'sleep 60 & echo child $!; wait']);
    const [, pid] = await parent.waitForOutput(/child (\d+)/);
    await parent.kill();
    await eventually(() => expect(() => process.kill(Number(pid), 0)).toThrow());
  });

  it('leaves no process behind when the test process itself is killed with -9', async () => {
    const script = `
      const { spawn } = require('node:child_process');
      const reaper = spawn('sh', ['-c', process.argv[1]], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
      const child = spawn('sleep', ['60'], { detached: true });
      reaper.stdin.write('+ 999999\\n+ ' + child.pid + '\\n- 999999\\n', () => console.log('child', child.pid));
      setInterval(() => {}, 1000);
    `;
    const tests = spawn(process.execPath, ['-e', script, REAPER], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [said] = (await once(tests.stdout, 'data')) as [Buffer];
    const pid = Number(/child (\d+)/.exec(String(said))?.[1]);
    expect(process.kill(pid, 0)).toBe(true);
    tests.kill('SIGKILL');
    await eventually(() => expect(() => process.kill(pid, 0)).toThrow());
  });
});

describeWith('redis', 'startRedis', () => {
  it('keeps its data over a restart with AOF, and again after kill -9', async () => {
    const redis = await startRedis({ appendonly: 'always', password: 'pass word' });
    await redis.commands([
      ['SELECT', 2],
      ['SET', 'key', 'value'],
    ]);
    await redis.restart();
    await redis.kill();
    await redis.start();
    expect(
      await redis.commands([
        ['SELECT', 2],
        ['GET', 'key'],
      ]),
    ).toEqual(['OK', 'value']);
    await redis.stop();
  });

  it('does not answer while frozen', async () => {
    const redis = await startRedis();
    redis.freeze();
    const answer = redis.command('PING');
    const first = await Promise.race([answer, new Promise((resolve) => setTimeout(resolve, 200, 'silence'))]);
    redis.thaw();
    expect([first, await answer]).toEqual(['silence', 'PONG']);
  });

  it('can be reached, cut off and swallowed through a proxy', async () => {
    const redis = await startRedis();
    const proxy = await TcpProxy.start(redis.port);
    const socket = connect(proxy.port, '127.0.0.1');
    const heard: string[] = [];
    socket.on('data', (chunk) => heard.push(String(chunk)));
    socket.on('error', (error: NodeJS.ErrnoException) => heard.push(error.code ?? ''));
    socket.write('PING\r\n');
    await eventually(() => expect(heard).toEqual(['+PONG\r\n']));
    proxy.mode = 'swallow';
    socket.write('PING\r\n');
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(heard).toEqual(['+PONG\r\n']);
    proxy.cut();
    await eventually(() => expect(heard).toEqual(['+PONG\r\n', 'ECONNRESET']));
    expect(proxy.accepted).toBe(1);
  });
});

describeWith(['redis', 'python'], 'startCeleryWorker', () => {
  it('runs a task that a Python snippet sends', async () => {
    const redis = await startRedis();
    const urls = { broker: redis.url, backend: redis.urlOf(1) };
    const worker = await startCeleryWorker({ ...urls, queues: ['celery', 'other'] });
    expect(
      await runPython(
        `
        first = add.delay(3, 4).get(timeout=10)
        second = mul.apply_async((3, 4), queue='other').get(timeout=10)
        result = [first, second]
        `,
        urls,
      ),
    ).toEqual([7, 12]);
    expect((await worker.stop()).code).toBe(0);
  });
});
