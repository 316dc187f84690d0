import { expect, it } from 'vitest';
import { forSuite } from './for-suite.js';
import { startRabbit } from './rabbitmq-server.js';
import { describeWith } from './requires.js';

describeWith('rabbitmq', 'a RabbitMQ node of our own', () => {
  const rabbit = forSuite(startRabbit);

  it('makes virtual hosts for its tests', async () => {
    const url = new URL(await rabbit().freshVhost());
    expect(`${url.username}:${url.password}@${url.host}`).toBe(`guest:guest@127.0.0.1:${rabbit().port}`);
    expect(await rabbit().erlang(`{ok, rabbit_vhost:exists(<<"${url.pathname.slice(1)}">>)}.`)).toContain('true');
  });

  it('says so when it does not understand', async () => {
    await expect(rabbit().erlang('{ok, nothing:here()}.')).rejects.toThrow();
  });
});
