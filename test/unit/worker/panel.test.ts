import { expect, it } from 'vitest';
import { type PanelParts, workerView } from '../../../src/worker/panel.js';
import { FakeClock } from '../../support/fake-clock.js';
import type { Request } from '../../../src/worker/request.js';

it('a task that waits for its rate limit is reserved, as in Celery: it is shown, found, and told to be terminated', async () => {
  const request = {
    ...{ id: 'slow', name: 'tasks.slow', task: 'tasks.slow', running: false, acked: false, pid: 0 },
    message: { args: [1], kwargs: {}, argsrepr: '(1,)', kwargsrepr: '{}', stamps: {} },
    delivery: { queue: 'celery', redelivered: false, message: { headers: {}, properties: {} } },
  } as unknown as Request;
  const parts = {
    clock: new FakeClock(0),
    dispatcher: { running: new Set(), waiting: [] },
    etaTimer: { waiting: [] },
    postponed: { waiting: [] },
    throttle: { waiting: [request] },
    remote: {},
    pool: { kind: 'async', size: 1 },
  } as unknown as PanelParts;
  const { requests } = workerView(parts);
  expect(await requests.reserved()).toMatchObject([{ id: 'slow', args: [1] }]);
  expect(await requests.find('slow')).toMatchObject({ state: 'reserved' });
  expect(requests.terminate(['slow', 'other'], 'SIGTERM')).toEqual(['slow']);
});
