/** A send that fails and that nobody waits for is heard of: a lost task must not be silent. */
import { expect, it } from 'vitest';
import { projectRoot } from '../support/ctq-process.js';
import { OwnedProcess } from '../support/owned-process.js';
import { freePort } from '../support/redis-server.js';

async function program(ending: string): Promise<OwnedProcess> {
  const settings = `{ brokerUrl: 'redis://127.0.0.1:${await freePort()}/0', resultBackend: 'disabled://', taskPublishRetry: false }`;
  const text = `import { Ctq } from 'ctq'; const app = new Ctq('client', ${settings}); const sent = app.sendTask('tasks.lost'); ${ending}`;
  const child = new OwnedProcess(process.execPath, ['--input-type=module', '-e', text], { cwd: projectRoot });
  await child.waitForExit();
  return child;
}

it('ends a program that forgot it, with the reason', async () => {
  const { ending, stderr } = await program('');
  expect(ending?.code).toBe(1);
  expect(stderr).toContain('CTQ_BROKER_UNREACHABLE');
});

it('is told to whoever waits, and to nobody else', async () => {
  const { ending, stdout, stderr } = await program('await sent.then(null, ({ code }) => console.log(code)); await app.close();');
  expect([ending?.code, stdout.trim(), stderr]).toEqual([0, 'CTQ_BROKER_UNREACHABLE', '']);
});
