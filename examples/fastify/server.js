/** POST /checksums {"url": …} waits for the task, at most ten seconds: 200 with the value, or 202 and its address. */
import Fastify from 'fastify';
import { TaskError, WaitTimeoutError } from 'ctq';
import { app as ctq, checksum } from './tasks.js';

const web = Fastify();
const body = { type: 'object', required: ['url'], properties: { url: { type: 'string', format: 'uri' } } };

web.post('/checksums', { schema: { body } }, async (request, reply) => {
  const sent = await checksum.delay(request.body.url);
  try {
    return await sent.get({ timeout: 10 });
  } catch (error) {
    if (error instanceof TaskError) return reply.code(502).send({ error: error.message });
    if (error instanceof WaitTimeoutError) return reply.code(202).header('location', `/checksums/${sent.id}`).send({ id: sent.id });
    throw error;
  }
});

web.get('/checksums/:id', async (request) => ({ state: await ctq.AsyncResult(request.params.id).state() }));

// Fastify closes the app of ctq with itself.
web.addHook('onClose', () => ctq.close());

console.log(await web.listen({ port: Number(process.env.PORT ?? 3000), host: '127.0.0.1' }));

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void web.close());
