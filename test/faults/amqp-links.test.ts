/** What a link to RabbitMQ does when the server or the way to it is not as it should be. */
import { afterEach, expect, it } from 'vitest';
import { openAmqpBroker } from '../../src/brokers/amqp/broker.js';
import { systemClock } from '../../src/clock.js';
import { AmqpLink, type AmqpLinkObserver } from '../../src/connections/amqp/link.js';
import { AmqpFailure } from '../../src/connections/amqp/failure.js';
import { parseAmqpUrl } from '../../src/connections/amqp/url.js';
import { consume, declare, send } from '../contract/broker/verbs.js';
import { DeliveryLog } from '../contract/delivery-log.js';
import { plainQueue } from '../contract/messages.js';
import { type Certificates, certificates } from '../support/certificates.js';
import { eventually } from '../support/eventually.js';
import { forSuite } from '../support/for-suite.js';
import { TcpProxy } from '../support/proxy.js';
import { startRabbit } from '../support/rabbitmq-server.js';
import { freePort, onFreePorts } from '../support/redis-server.js';
import { describeWith, missing, testUnless } from '../support/requires.js';

function tlsLines({ ca, cert, key }: Certificates, port: number): string[] {
  return [
    `listeners.ssl.default = 127.0.0.1:${port}`,
    `ssl_options.cacertfile = ${ca}`,
    `ssl_options.certfile = ${cert}`,
    `ssl_options.keyfile = ${key}`,
  ];
}

describeWith('rabbitmq', 'a link to RabbitMQ', () => {
  const links: AmqpLink[] = [];
  const files = certificates();
  let tlsPort = 0;
  const rabbit = forSuite(async () => {
    // Its own ports it looks for anew by itself; this one is ours to choose.
    return await onFreePorts(async () => {
      tlsPort = await freePort();
      return await startRabbit({ config: files === undefined ? [] : tlsLines(files, tlsPort) });
    });
  });
  afterEach(async () => {
    await Promise.all(links.splice(0).map((link) => link.close()));
  });
  function link(url: string, observer?: AmqpLinkObserver, connectTimeoutMs = 30_000): AmqpLink {
    const made = new AmqpLink({
      addresses: parseAmqpUrl(url, { transportOptions: {} }),
      name: 'test',
      clock: systemClock,
      connectTimeoutMs,
      ...(observer === undefined ? {} : { observer }),
    });
    links.push(made);
    return made;
  }

  async function failureOf(promise: Promise<unknown>): Promise<AmqpFailure> {
    const error = await promise.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(AmqpFailure);
    return error as AmqpFailure;
  }

  it('says what is wrong with the address, and what to do about it', async () => {
    const nobody = await failureOf(link(`amqp://127.0.0.1:${await freePort()}`).connection());
    expect(nobody).toMatchObject({ kind: 'unreachable', message: 'connection refused' });
    const stranger = await failureOf(link(`amqp://me:wrong@127.0.0.1:${rabbit().port}`).connection());
    expect(stranger).toMatchObject({ kind: 'refused', message: 'wrong user name or password', hint: 'check the credentials in the URL' });
    const nowhere = await failureOf(link(rabbit().urlOf('never-made')).connection());
    expect(nowhere).toMatchObject({ kind: 'refused', hint: 'does it exist, and may the user use it?' });
  });

  testUnless(missing(['openssl']), 'speaks TLS, and trusts nobody whom it was not told to trust', async () => {
    const ca = `ssl_ca_certs=${encodeURIComponent(files?.ca ?? '')}`;
    await link(`amqps://localhost:${tlsPort}?${ca}`).connection();
    await link(`amqps://localhost:${tlsPort}?ssl_cert_reqs=none`).connection();
    const stranger = await failureOf(link(`amqps://localhost:${tlsPort}`).connection());
    expect(stranger).toMatchObject({ kind: 'refused', message: expect.stringMatching(/^TLS: /) });
    const otherName = await failureOf(link(`amqps://127.0.0.1:${tlsPort}?${ca}`).connection());
    expect(otherName).toMatchObject({ kind: 'refused', message: expect.stringMatching(/^TLS: /) });
    const nowhere = await failureOf(link(`amqps://localhost:${tlsPort}?ssl_ca_certs=/no/such.pem`).connection());
    expect(nowhere).toMatchObject({ kind: 'refused', message: 'cannot read ca_certs /no/such.pem: ENOENT' });
  });

  it('goes on to the next address when nobody is at the first', async () => {
    const connection = await link(`amqp://127.0.0.1:${await freePort()};127.0.0.1:${rabbit().port}`).connection();
    expect(connection.version[0]).toBeGreaterThanOrEqual(3);
  });

  it('rejects what is under way when the way is cut, and comes back within two seconds', async () => {
    const proxy = await TcpProxy.start(rabbit().port);
    const heard: string[] = [];
    const retriesMs: number[] = [];
    const cut = link(`amqp://127.0.0.1:${proxy.port}`, {
      up: () => void heard.push('up'),
      down(_failure, _attempt, retryInMs) {
        heard.push('down');
        retriesMs.push(retryInMs);
      },
    });
    const channel = await (await cut.connection()).confirmChannel();
    proxy.mode = 'swallow';
    const confirmed = new Promise<unknown>((resolve) => {
      channel.publish('', 'nowhere', Buffer.from('x'), {}, (error) => resolve(error));
    });
    proxy.cut();
    expect(await confirmed).toBeInstanceOf(Error);
    proxy.mode = 'pass';
    await cut.ask((connection) => connection.once((one) => one.assertQueue('', { exclusive: true })));
    // It was at the first try, and that came soon; how long this machine took for it is its own affair.
    expect(heard).toEqual(['up', 'down', 'up']);
    expect(retriesMs[0]).toBeLessThan(2_000);
  });

  it('notices within 15 s that nobody answers any more, and the server that a worker does not which computes nothing itself', {
    timeout: 120_000,
  }, async () => {
    const proxy = await TcpProxy.start(rabbit().port);
    const down: AmqpFailure[] = [];
    await link(`amqp://127.0.0.1:${proxy.port}`, { down: (failure) => void down.push(failure) }).connection();
    const url = await rabbit().freshVhost();
    const options = { transportOptions: {}, connectTimeoutMs: 30_000, amqp: { heartbeatS: 120 } };
    const [behind, straight] = [
      openAmqpBroker(url.replace(`:${rabbit().port}/`, `:${proxy.port}/`), options),
      openAmqpBroker(url, options),
    ];
    const log = new DeliveryLog();
    const lost = new DeliveryLog();
    await declare(straight, 'q');
    await send(straight, 'q', ['held']);
    await behind.consume({ queues: [plainQueue('q')], prefetch: 5, name: 'gone', loop: 'free', handler: lost });
    await lost.first(1);
    proxy.mode = 'swallow';
    await send(straight, 'q', ['on its way to nobody']);
    await consume(straight, ['q'], 5, log);
    await log.until(() => log.deliveries.length === 2, 'what the other one had', 40_000);
    // Twelve or thirteen seconds, and what the machine adds; whoever does not watch waits for its kernel, a quarter of an hour.
    await eventually(() => expect(down.length).toBeGreaterThan(0), { timeoutMs: 40_000 });
    expect(down[0]).toMatchObject({ kind: 'unreachable' });
    proxy.cut();
    proxy.mode = 'refuse';
    await Promise.all([behind.close(), straight.close()]);
  });

  it('goes on with a message although the server takes it away for being held too long', { timeout: 90_000 }, async () => {
    // Half an hour, looked at once a minute, is what it has by itself (M36).
    await rabbit().erlang(
      '{ok, [application:set_env(rabbit, K, V) || {K, V} <- [{consumer_timeout, 1500}, {channel_tick_interval, 1000}]]}.',
    );
    const broker = openAmqpBroker(await rabbit().freshVhost(), { transportOptions: {}, connectTimeoutMs: 30_000 });
    const log = new DeliveryLog();
    await declare(broker, 'q');
    await send(broker, 'q', ['long']);
    await consume(broker, ['q'], 1, log);
    const held = await log.nth(0);
    await log.until(() => log.calls.filter((call) => call === 'connected').length === 3, 'two new beginnings', 45_000);
    expect(await held.ack()).toBe('settled');
    expect(log.calls.filter((call) => call === 'deliver')).toHaveLength(1);
    await broker.close();
    await rabbit().erlang(
      '{ok, [application:set_env(rabbit, K, V) || {K, V} <- [{consumer_timeout, 1800000}, {channel_tick_interval, 60000}]]}.',
    );
  });

  it('hears that the server takes no messages, and that it does again', async () => {
    const reasons: (string | undefined)[] = [];
    const connection = await link(rabbit().url, { blocked: (reason) => void reasons.push(reason) }).connection();
    const channel = await connection.channel();
    try {
      await rabbit().erlang('{ok, vm_memory_monitor:set_vm_memory_high_watermark(0.0001)}.');
      channel.publish('', 'nowhere', Buffer.from('x'));
      await eventually(() => expect(connection.blocked).toContain('memory'));
    } finally {
      await rabbit().erlang('{ok, vm_memory_monitor:set_vm_memory_high_watermark({absolute, "2GB"})}.');
    }
    await eventually(() => expect(connection.blocked).toBeUndefined());
    expect(reasons).toEqual([expect.stringContaining('memory'), undefined]);
  });
});
