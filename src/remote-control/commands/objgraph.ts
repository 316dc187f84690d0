/**
 * Celery draws Python's objects into a file here. Node's counterpart for a memory leak is the shape of
 * its heap, and what keeps the event loop busy; a heap snapshot would stop the worker for seconds and
 * double its memory, so it is not taken at a stranger's word.
 */
import { getHeapSpaceStatistics, getHeapStatistics } from 'node:v8';
import type { RemoteCommand } from '../command.js';

export const objgraph: RemoteCommand = {
  name: 'objgraph',
  kind: 'inspect',
  summary: "figures of the worker's heap, for hunting memory leaks (Celery: a graph of objects)",
  parameters: [
    { name: 'type', read: 'text' },
    { name: 'num', read: 'whole number' },
    { name: 'max_depth', read: 'whole number' },
  ],
  usage: '[object_type=Request] [num=200 [max_depth=10]]',
  only: ['type', 'num', 'max_depth'],
  handle() {
    const resources: Record<string, number> = {};
    for (const kind of process.getActiveResourcesInfo()) resources[kind] = (resources[kind] ?? 0) + 1;
    const spaces = getHeapSpaceStatistics().map(({ space_name, space_size, space_used_size }) => [
      space_name,
      { size: space_size, used: space_used_size },
    ]);
    return {
      memory: { ...process.memoryUsage() },
      heap: { ...getHeapStatistics() },
      heap_spaces: Object.fromEntries(spaces) as Record<string, { size: number; used: number }>,
      active_resources: resources,
    };
  },
};
