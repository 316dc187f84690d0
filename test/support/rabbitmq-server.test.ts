import { expect, it } from 'vitest';
import { forSuite } from './for-suite.js';
import { startRabbit } from './rabbitmq-server.js';
import { describeWith } from './requires.js';

describeWith('rabbitmq', 'a RabbitMQ node of our own', () => {
  const rabbit = forSuite(startRabbit);

  it('makes virtual hosts for its tests', async () => {
    expect(await rabbit().freshVhost()).toBe(`amqp://guest:guest@127.0.0.1:${rabbit().port}/v1`);
    expect(await rabbit().erlang('{ok, rabbit_vhost:exists(<<"v1">>)}.')).toContain('true');
  });

  it('says so when it does not understand', async () => {
    await expect(rabbit().erlang('{ok, nothing:here()}.')).rejects.toThrow();
  });
});
