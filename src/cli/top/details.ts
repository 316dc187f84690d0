/** All that is known of one row, line by line. */
import { escapeText } from '../escape-text.js';
import { bytesText } from '../output/bytes.js';
import { countText, numberText } from '../output/number.js';
import { durationText, relativeTime } from '../output/relative-time.js';
import { wrapText } from '../output/wrap.js';
import { remoteTable } from '../remote-tables.js';
import type { QueueView, Rate } from '../../ctq/queue-census.js';
import type { FailureRow, Snapshot, Subject, TaskRow, WorkerRow } from './model.js';
import { queueState } from './panes.js';

type Field = readonly [name: string, value: string | null];

export interface DetailsWorld {
  readonly snapshot: Snapshot;
  readonly nowMs: number;
  readonly width: number;
}

/** Of the tasks that a worker runs; the others are among the tasks. */
const MOST_NAMED = 10;

export function detailLines(subject: Subject, world: DetailsWorld): readonly string[] {
  switch (subject.kind) {
    case 'worker':
      return workerLines(subject.row, world);
    case 'queue':
      return fieldLines(queueFields(subject.row), world.width);
    case 'task':
      return fieldLines(taskFields(subject.row, world.nowMs), world.width);
    case 'failure':
      return fieldLines(failureFields(subject.row, world.nowMs), world.width);
  }
}

function workerLines(row: WorkerRow, { snapshot, nowMs, width }: DetailsWorld): readonly string[] {
  const running = snapshot.tasks.filter(({ node }) => node === row.node);
  const more = running.length > MOST_NAMED ? [`and ${numberText(running.length - MOST_NAMED)} more`] : [];
  const about: readonly Field[] = [
    ['worker', row.node],
    ['state', row.state === 'up' ? 'up' : `${row.state}, last heard ${relativeTime(row.heardAtMs, nowMs)}`],
    ['pool', row.pool === null ? null : `${row.pool}, ${row.concurrency === null ? 'of unknown size' : numberText(row.concurrency)}`],
    ['queues', row.queues.join(', ')],
    ['up for', row.uptimeS === null ? null : durationText(row.uptimeS * 1000)],
    ['memory', row.memoryBytes === null ? null : `${bytesText(row.memoryBytes)} at most so far`],
    ['runs', [...running.slice(0, MOST_NAMED).map(({ task, id }) => `${task}[${id}]`), ...more].join(', ')],
  ];
  const { rows } = remoteTable('stats', [{ nodename: row.node, value: row.stats }]);
  const stats = rows.map(([, name = '', value = '']): Field => [name, value]);
  return [...fieldLines(about, width), '', ...fieldLines(stats, width)];
}

function queueFields(row: QueueView): readonly Field[] {
  const { oldest } = row;
  return [
    ['queue', row.name],
    ['state', queueState(row) || 'open'],
    ['ready', countText(row.ready, 'message')],
    ...row.readyByPriority.map(({ priority, count }): Field => [`  priority ${priority}`, numberText(count)]),
    ['unacked', row.unacked === undefined ? null : numberText(row.unacked)],
    ['delayed', row.delayed === undefined ? null : numberText(row.delayed)],
    ['oldest', oldest === undefined ? null : `${durationText(oldest.ageMs)}${oldest.basis === 'estimate' ? ', estimated' : ''}`],
    ['comes in', rateText(row.publishRate)],
    ['goes out', rateText(row.finishRate)],
    ['workers', row.consumers.length === 0 ? 'none' : row.consumers.join(', ')],
    ['more', `ctq queues peek ${row.name} shows its messages`],
  ];
}

function rateText(rate: Rate | undefined): string | null {
  if (rate === undefined) return null;
  return `${rate.known === 'at least' ? 'at least ' : ''}${numberText(Math.round(rate.perSecond * 10) / 10)} a second`;
}

function taskFields(row: TaskRow, nowMs: number): readonly Field[] {
  return [
    ['task', row.task],
    ['id', row.id],
    [
      'runs for',
      row.startedAtMs === null ? null : `${durationText(nowMs - row.startedAtMs)}, since ${new Date(row.startedAtMs).toISOString()}`,
    ],
    ['worker', row.pid === null ? row.node : `${row.node}, process ${row.pid}`],
    ['queue', row.queue],
    ['priority', row.priority === null ? null : String(row.priority)],
    ['delivered', row.redelivered === true ? 'not for the first time' : null],
    ['acknowledged', row.acknowledged === null ? null : row.acknowledged ? 'yes' : 'not yet'],
    ['args', row.args],
    ['kwargs', row.kwargs],
    ['more', `ctq find ${row.id} shows where else it is`],
  ];
}

function failureFields(row: FailureRow, nowMs: number): readonly Field[] {
  return [
    ['task', row.task],
    ['id', row.id],
    ['reason', row.reason],
    ['failed', row.atMs === null ? null : `${relativeTime(row.atMs, nowMs)}, ${new Date(row.atMs).toISOString()}`],
    ['worker', row.worker],
    ['retries', row.retries === null ? null : String(row.retries)],
    ['queue', row.queue],
  ];
}

/** Names on the left, long values wrapped; what is not known is left out. */
function fieldLines(fields: readonly Field[], width: number): readonly string[] {
  const known = fields.flatMap(([name, value]) => (value === null || value === '' ? [] : [[escapeText(name), escapeText(value)] as const]));
  const column = Math.min(Math.max(0, ...known.map(([name]) => name.length)) + 2, Math.floor(width / 2));
  return known.flatMap(([name, value]) => `${name.padEnd(column)}${wrapText(value, width, ' '.repeat(column))}`.split('\n'));
}
