import { describe, expect, it } from 'vitest';
import { PausedQueues } from '../../../src/brokers/paused-queues.js';
import { silentLogger } from '../../../src/logger.js';

function listening() {
  const said: string[] = [];
  const warning = (text: string, ...parts: readonly unknown[]): void =>
    void said.push(parts.reduce<string>((all, part) => all.replace('%s', String(part)), text));
  return { said, paused: new PausedQueues({ logger: { ...silentLogger, warning }, isOurs: (queue) => queue !== 'foreign' }) };
}

describe('PausedQueues', () => {
  it('says once in the log what has changed, of queues that are ours', () => {
    const { said, paused } = listening();
    expect(paused.hear(['mail', 'foreign'])).toBe(true);
    expect(paused.hear(['foreign', 'mail'])).toBe(false);
    expect(paused.hear(['foreign'])).toBe(true);
    expect(said).toEqual(['Queue mail is paused: nothing is taken from it until "ctq queues resume mail"', 'Queue mail goes on']);
  });

  it('has heard nothing before the first word, be it that none is paused', () => {
    const { paused } = listening();
    expect(paused.heard).toBe(false);
    expect(paused.hear([])).toBe(false);
    expect(paused.heard).toBe(true);
  });

  it('leaves out the paused ones, and makes nothing anew when there are none', () => {
    const { paused } = listening();
    const queues = ['mail', 'video'];
    expect(paused.without(queues)).toBe(queues);
    paused.hear(['mail']);
    expect(paused.without(queues)).toEqual(['video']);
  });
});
