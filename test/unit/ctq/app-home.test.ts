import { describe, expect, it } from 'vitest';
import { flagLayer, readLayer } from '../../../src/config/resolve.js';
import { readHome, writeHome } from '../../../src/ctq/app-home.js';
import { Ctq } from '../../../src/index.js';
import type { AppAddress } from '../../../src/pool.js';

const address: AppAddress = { workdir: '/w', module: { file: '/w/tasks.ts', name: 'tasks', symbol: undefined }, included: [], places: [] };

describe('the home of an app', () => {
  it('brings the settings above the app’s own to another process, in their order and with their sources', () => {
    const layers = [
      flagLayer({ brokerUrl: ['--broker', 'redis://flag'] }),
      readLayer({ brokerUrl: 'redis://file', taskDefaultQueue: 'q', workerConcurrency: 3 }, 'ctq.json', 'file ctq.json'),
    ];
    const home = writeHome(address, { layers, baseFolder: '/base' });
    const there = new Ctq('tasks', { taskDefaultQueue: 'own', taskSerializer: 'yaml' });
    there.configure(readHome(JSON.parse(JSON.stringify(home)) as typeof home));
    expect(there.conf).toMatchObject({ brokerUrl: 'redis://flag', taskDefaultQueue: 'q', taskSerializer: 'yaml' });
    expect(there.sourceOf('brokerUrl')).toBe('option --broker');
    // Of no use in a child, and perhaps nothing that could be sent.
    expect(there.conf.workerConcurrency).toBeNull();
  });

  it('cannot hold functions: they say where to put them', () => {
    const layers = [readLayer({ taskRoutes: [() => ({ queue: 'q' })] }, 'ctq.config.ts', 'file ctq.config.ts')];
    expect(() => writeHome(address, { layers, baseFolder: '/' })).toThrow(
      expect.objectContaining({
        message: 'file ctq.config.ts, key taskRoutes: taskRoutes cannot be handed to the children of a pool',
        hint: 'set it where the app is made, new Ctq(…): children load that themselves',
      }),
    );
  });
});
