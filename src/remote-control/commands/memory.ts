/** `memsample` and `memdump`: how much memory a worker holds, now and at earlier samples. */
import { wholeNumber } from '../arguments.js';
import type { RemoteCommand, WorkerView } from '../command.js';

const SAMPLES_KEPT = 1000;
const UNITS = [
  [2 ** 30, 'GB'],
  [2 ** 20, 'MB'],
  [2 ** 10, 'KB'],
] as const;

const samplesOf = new WeakMap<WorkerView, string[]>();

export const memsample: RemoteCommand = {
  name: 'memsample',
  kind: 'inspect',
  summary: 'resident memory of workers, remembered for memdump',
  handle(worker) {
    const samples = samplesOf.get(worker) ?? [];
    samplesOf.set(worker, samples);
    const sample = residentMemory();
    samples.push(sample);
    if (samples.length > SAMPLES_KEPT) samples.shift();
    return sample;
  },
};

export const memdump: RemoteCommand = {
  name: 'memdump',
  kind: 'inspect',
  summary: 'earlier samples of memsample, and the memory now',
  parameters: [{ name: 'samples', read: 'whole number' }],
  usage: '[n_samples=10]',
  handle(worker, args) {
    const wanted = Math.max(wholeNumber(args, 'samples', 10), 0);
    const earlier = wanted === 0 ? [] : (samplesOf.get(worker) ?? []).slice(-wanted);
    const list = earlier.length === 0 ? '' : `- rss (sample):\n${earlier.map((sample) => `-    > ${sample},\n`).join('')}`;
    return `${list}- rss (end): ${residentMemory()}.\n`;
  },
};

/** Celery's `humanbytes`: five digits and a unit. */
function residentMemory(): string {
  const bytes = process.memoryUsage.rss();
  const [divisor, unit] = UNITS.find(([divisor]) => bytes >= divisor) ?? [1, 'b'];
  return `${Number((bytes / divisor).toPrecision(5))}${unit}`;
}
