/** POST /checksums {"url": …} starts a task, GET /checksums/<id> tells how it goes. The work is done elsewhere: `ctq worker -A tasks`. */
import express from 'express';
import { app as ctq, checksum } from './tasks.js';

const web = express();
web.use(express.json());

web.get('/healthz', (_request, response) => {
  response.sendStatus(204);
});

web.post('/checksums', async (request, response) => {
  if (!URL.canParse(request.body?.url)) return void response.status(400).json({ error: 'url is missing, or no URL' });
  const { id } = await checksum.delay(request.body.url);
  response.status(202).location(`/checksums/${id}`).json({ id });
});

web.get('/checksums/:id', async (request, response) => {
  const result = ctq.AsyncResult(request.params.id);
  const state = await result.state();
  const failed = state === 'FAILURE' || state === 'REVOKED';
  const value = state === 'SUCCESS' ? await result.get() : undefined;
  response.json({ state, value, error: failed ? String(await result.result()) : undefined });
});

const server = web.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => server.close(() => void ctq.close()));
