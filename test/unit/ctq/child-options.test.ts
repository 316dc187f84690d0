import { describe, expect, it } from 'vitest';
import type { Broker } from '../../../src/broker.js';
import { childOptions, type ChildSource, printLevel } from '../../../src/ctq/child-options.js';
import { IN_CHILD } from '../../../src/ctq/app-home.js';
import { ConfigError, Ctq } from '../../../src/index.js';
import { tmpFolder } from '../../support/tmp.js';

const shared = { capabilities: { shared: true, parks: true, eventExchangeType: 'fanout' }, displayUrl: 'redis://host' } as Broker;

function source(more: Partial<ChildSource> = {}): ChildSource {
  const { conf } = new Ctq('t');
  return { main: 't', module: undefined, settings: conf, surroundings: { layers: [], baseFolder: '/' }, broker: shared, ...more };
}

describe('childOptions', () => {
  it('is nothing for pools in this process', () => {
    expect(childOptions('async', source())).toBeUndefined();
    expect(childOptions('solo', source())).toBeUndefined();
  });

  it('takes the settings about children, and a module by its URL', () => {
    const { conf } = new Ctq('t', { workerMaxTasksPerChild: 5, workerMaxMemoryPerChild: 1000, workerRedirectStdoutsLevel: 'ERROR' });
    const options = childOptions('prefork', source({ settings: conf, module: 'file:///app/tasks.mjs' }));
    expect(options).toMatchObject({ maxTasks: 5, maxMemoryKib: 1000, printLevel: 'error' });
    expect(options?.home?.address.module).toEqual({ file: '/app/tasks.mjs', name: 't', symbol: undefined });
  });

  it('leaves the streams alone where the settings say so', () => {
    const { conf } = new Ctq('t', { workerRedirectStdouts: false });
    expect(childOptions('threads', source({ settings: conf }))?.printLevel).toBeNull();
  });

  it('can be made anew from sources that have changed', async () => {
    const address = { workdir: '/w', module: { file: '/w/t.ts', name: 't', symbol: undefined }, included: [], places: [] };
    const later = { ...address, places: [['/w/t.ts', '/tmp/0-t.mjs']] as const };
    const options = childOptions('prefork', source({ module: { address, rebuild: async () => later } }));
    expect(options?.home?.address).toBe(address);
    expect((await options?.reload?.())?.address).toBe(later);
  });

  it('refuses a broker that no child could reach', () => {
    const broker = { ...shared, capabilities: { ...shared.capabilities, shared: false }, displayUrl: 'memory://' } as Broker;
    expect(() => childOptions('prefork', source({ broker }))).toThrow(ConfigError);
    expect(() => childOptions('threads', source({ broker }))).toThrow('the threads pool cannot work with memory://');
  });

  it('knows Python’s names of levels', () => {
    expect(['WARNING', 'info', 'FATAL', 'nonsense'].map(printLevel)).toEqual(['warning', 'info', 'critical', 'warning']);
  });
});

describe('an app with children', () => {
  it('says that a worker with prefork needs its module', async () => {
    const app = new Ctq('t', { brokerUrl: `sqlite://${tmpFolder()}/ctq.db` });
    const worker = await app.worker({ pool: 'prefork' });
    await expect(worker.start()).rejects.toThrow('the prefork pool must know which module its children shall load');
    await app.close();
  });

  it('starts no worker in a child', async () => {
    Object.assign(globalThis, { [IN_CHILD]: true });
    try {
      await expect(new Ctq('t').worker()).rejects.toThrow('a child of a pool may not start a worker');
    } finally {
      Reflect.deleteProperty(globalThis, IN_CHILD);
    }
  });
});
