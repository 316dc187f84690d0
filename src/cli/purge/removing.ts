/** `ctq purge` at work: counts, and removes queue by queue. */
import type { MessageFilter } from '../../ctq/message-filter.js';
import type { Estate } from '../../estate/estate.js';
import type { MessagePlace } from '../../estate/messages.js';
import type { CopyWriter } from './copy-file.js';

export interface PurgeTerms {
  readonly estate: Estate;
  readonly queues: readonly string[];
  readonly places: readonly ('ready' | 'delayed')[];
  readonly filter: MessageFilter | undefined;
  readonly signal: AbortSignal;
}

export interface QueueCount {
  readonly queue: string;
  readonly count: number;
}

const PAGE = 500;

/** How many would go, queue by queue. */
export async function countPurge(terms: PurgeTerms, onProgress: (looked: number) => void): Promise<readonly QueueCount[]> {
  const { estate, queues, places, filter } = terms;
  const reports = await estate.queues.report(queues);
  const counts: QueueCount[] = [];
  for (const { name, ready, delayed } of reports) {
    const parked = places.includes('delayed') ? delayed : 0;
    const lying = parked === undefined ? undefined : ready + parked;
    const isKnown = lying !== undefined && (filter === undefined || lying === 0);
    const count = isKnown ? lying : await countWanted(terms, name, filter, onProgress);
    counts.push({ queue: name, count });
  }
  return counts;
}

async function countWanted(
  { estate, places, signal }: PurgeTerms,
  queue: string,
  filter: MessageFilter | undefined,
  onProgress: (looked: number) => void,
): Promise<number> {
  const wanted: readonly MessagePlace[] = places;
  let count = 0;
  for (let offset = 0; !signal.aborted; offset += PAGE) {
    const page = await estate.messages.page(queue, offset, PAGE);
    count += page.filter((message) => wanted.includes(message.place) && filter?.wants(message) !== false).length;
    onProgress(offset + page.length);
    // Delayed ones come last, and may not be meant.
    if (page.length < PAGE || !wanted.includes(page.at(-1)?.place ?? 'ready')) break;
  }
  return count;
}

export interface Removing extends PurgeTerms {
  readonly id: string;
  readonly copy: CopyWriter | undefined;
  readonly onProgress: (queue: string, removed: number) => void;
}

/** Tells each queue's count as it is done with, so that an interrupted purge has something to say. */
export async function removeEach(
  { estate, queues, places, filter, signal, id, copy, onProgress }: Removing,
  done: (count: QueueCount) => void,
): Promise<void> {
  let number = 0;
  for (const queue of queues) {
    if (signal.aborted) return;
    let removed = 0;
    try {
      await estate.messages.remove({
        queue,
        places,
        signal,
        ...(filter === undefined ? {} : { wanted: filter.wants }),
        ...(copy === undefined ? {} : { keep: { id, from: number, page: (page) => copy.write(page) } }),
        onProgress(count) {
          removed = count;
          onProgress(queue, count);
        },
      });
    } finally {
      done({ queue, count: removed });
    }
    number += removed;
  }
}
