import { Ctq } from '../../src/index.js';

/** Makes the file of an embedded broker in which nothing is yet. */
export async function makeEmptyFile(brokerUrl: string): Promise<void> {
  const app = new Ctq('empty', { brokerUrl });
  await (await app.broker()).depth('celery');
  await app.close();
}
