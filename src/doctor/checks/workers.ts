/** Workers: who is there, who is not, and how they are set up. */
import { isRecord } from '../../protocol/record.js';
import type { Facts, WorkerFacts } from '../facts.js';
import type { Check, Symptom } from '../finding.js';
import { hasBug, knownBugs } from '../known-bugs.js';
import { counted, lasting, list } from '../words.js';
import { visibilityTimeoutMs } from './queues.js';

const SKEW_LIMIT_MS = 5_000;
const WORST_SKEW_MS = 60_000;
const PICKLE = /^(pickle|application\/x-python-serialize)$/;

/** What everybody at one broker must have alike (WIRE 6.3, 6.5), and what kombu's Redis channel takes when it is not set. */
const SHARED_OPTIONS = { visibility_timeout: 3600, priority_steps: [0, 3, 6, 9], sep: '\x06\x16' } as const;

const names = (workers: readonly WorkerFacts[]): string => list(workers.map(({ name }) => name));

const AS_ANOTHER = {
  why: 'who asks has to write: which queues Python workers take from, and how workers are set up, is not known',
  remedy: 'give this user that permission (docs/redis.md shows a user that has all), or ask as another',
} as const;

export const workerChecks: readonly Check[] = [
  {
    kind: 'unasked-workers',
    weight: 'warning',
    why: 'a server that takes no writes has no place for their answers: which queues Python workers take from, and how workers are set up, is not known',
    remedy: 'mend what keeps the server from taking writes, and ask again',
    look: ({ unasked, lacks }) =>
      unasked === undefined ? [] : [{ what: `workers could not be asked: ${unasked}`, ...(lacks === 'permission' ? AS_ANOTHER : {}) }],
  },
  {
    kind: 'silent-workers',
    weight: 'warning',
    why: 'they may be frozen, overloaded, or cut off: what they hold waits for them',
    remedy: 'ctq status -t 5 asks with more patience; look at their logs, and restart those that stay silent',
    look: ({ silentWorkers }) =>
      silentWorkers === 0 ? [] : [{ what: `${counted(silentWorkers, 'worker')} heard the questions and did not answer in time` }],
  },
  {
    kind: 'dead-consumers',
    weight: 'warning',
    why: 'a ctq worker died or froze, and no other is there to take over what it held',
    remedy: 'start a ctq worker on this broker: it brings back what the dead one held within ten seconds',
    look: ({ estates }) =>
      estates.flatMap(({ url, health }) =>
        health.silentConsumers.map(({ name, silentMs }) => ({
          what: `consumer ${name} at ${url} has given no sign of life for ${lasting(silentMs)}`,
        })),
      ),
  },
  {
    kind: 'different-tasks',
    weight: 'warning',
    why: 'who gets a message is chance: where the worker does not know the task, it fails as NotRegistered or goes to the dead letters',
    remedy:
      'let them run the same version of the code, or give each its own queue with -Q and routes; ctq inspect registered lists what each knows',
    look: ({ workers }) =>
      [...new Set(workers.flatMap(({ queues = [] }) => queues))].sort().flatMap((queue): readonly Symptom[] => {
        const here = workers.filter(({ queues, tasks }) => tasks !== undefined && queues?.includes(queue) === true);
        const all = [...new Set(here.flatMap(({ tasks = [] }) => tasks))].sort();
        const partial = all.filter((task) => here.some(({ tasks }) => tasks?.includes(task) !== true));
        if (partial.length === 0) return [];
        const [task = ''] = partial;
        const without = here.filter(({ tasks }) => tasks?.includes(task) !== true);
        const more = partial.length === 1 ? '' : `, and ${counted(partial.length - 1, 'other task')} not by all of them`;
        return [{ what: `of those that take from queue ${queue}, ${task} is not known by ${names(without)}${more}` }];
      }),
  },
  {
    kind: 'worker-clock',
    weight: 'warning',
    why: 'ETA, expiry and schedules compare clocks of different machines: tasks run early, late, or expire unrun',
    remedy: 'let its machine set the clock by NTP',
    look: ({ workers }) =>
      workers.flatMap(({ name, skewMs = 0 }): readonly Symptom[] => {
        const away = Math.abs(skewMs);
        if (away < SKEW_LIMIT_MS) return [];
        const what = `the clock of ${name} is ${lasting(away)} ${skewMs > 0 ? 'ahead of' : 'behind'} ours`;
        return [away >= WORST_SKEW_MS ? { what, weight: 'serious' } : { what }];
      }),
  },
  {
    kind: 'known-bug',
    weight: 'warning',
    why: 'others have met it',
    remedy: 'update',
    look: ({ workers }) =>
      knownBugs.flatMap((bug): readonly Symptom[] => {
        const ill = workers.filter(({ versions, transport }) => {
          const version = versions[bug.software];
          if (version === undefined || !hasBug(bug, version)) return false;
          return bug.transport === undefined || (transport !== undefined && bug.transport.test(transport));
        });
        if (ill.length === 0) return [];
        const found = [...new Set(ill.map(({ versions }) => versions[bug.software] ?? ''))];
        return [
          {
            what: `${bug.software} ${list(found)} on ${names(ill)}: ${bug.what}`,
            weight: bug.weight,
            why: `known and written down: ${bug.source}`,
            remedy: `update ${bug.software} to ${bug.fixedIn} or later`,
          },
        ];
      }),
  },
  {
    kind: 'pickle-accepted',
    weight: 'serious',
    why: 'reading a pickle runs whatever it says: who can write to the broker can run code on this worker',
    remedy: 'take pickle out of accept_content and result_accept_content',
    look: ({ workers }) => {
      const open = workers.filter(({ settings, software }) => software !== 'ctq' && acceptsPickle(settings));
      return open.length === 0 ? [] : [{ what: `pickle is accepted by ${names(open)}` }];
    },
  },
  {
    kind: 'acks-late-beyond-visibility',
    weight: 'warning',
    why: 'a Python worker that acknowledges late has its task given to another one when it runs longer than the visibility timeout: it runs twice at once',
    remedy:
      'set visibility_timeout above task_time_limit, or task_time_limit below visibility_timeout; ctq workers renew their hold and are not concerned',
    look: (facts) => {
      if (!facts.estates.some(({ parts, health }) => parts.includes('broker') && (health.engine === 'redis' || health.engine === 'valkey')))
        return [];
      const limitMs = visibilityTimeoutMs(facts);
      return lateOnes(facts).flatMap(({ name, settings }) => {
        const limitS = settings['task_time_limit'];
        if (typeof limitS === 'number' && limitS * 1000 <= limitMs) return [];
        const how = typeof limitS === 'number' ? `has a time limit of ${lasting(limitS * 1000)}` : 'has no time limit';
        return [{ what: `${name} acknowledges late and ${how}, and the visibility timeout is ${lasting(limitMs)}` }];
      });
    },
  },
  {
    kind: 'transport-options-differ',
    weight: 'warning',
    why: 'workers and senders must agree on them: the shortest visibility timeout counts for all, and lists of other steps are not looked at',
    remedy: 'give all of them the same broker_transport_options',
    look: ({ workers }) =>
      Object.entries(SHARED_OPTIONS).flatMap(([option, usual]): readonly Symptom[] => {
        const told = workers.filter(({ settings }) => isRecord(settings['broker_transport_options']));
        const values = new Map<string, string[]>();
        for (const { name, settings } of told) {
          const value = JSON.stringify((settings['broker_transport_options'] as Readonly<Record<string, unknown>>)[option] ?? usual);
          values.set(value, [...(values.get(value) ?? []), name]);
        }
        if (values.size < 2) return [];
        const each = [...values].map(([value, who]) => `${value} on ${list(who)}`);
        return [{ what: `${option} is ${each.join(', ')}` }];
      }),
  },
  {
    kind: 'acks-early',
    weight: 'note',
    why: 'Python workers acknowledge before the run unless told otherwise: what runs when one is killed is lost',
    remedy: 'task_acks_late = True with task_reject_on_worker_lost = True, for tasks that may run twice',
    look: ({ workers }) => {
      const early = workers.filter(({ software, settings }) => software === 'celery' && settings['task_acks_late'] === false);
      return early.length === 0 ? [] : [{ what: `tasks are acknowledged before they run by ${names(early)}` }];
    },
  },
];

function acceptsPickle(settings: WorkerFacts['settings']): boolean {
  return ['accept_content', 'result_accept_content'].some((name) => {
    const accepted = settings[name];
    return Array.isArray(accepted) && accepted.some((one) => typeof one === 'string' && PICKLE.test(one));
  });
}

function lateOnes({ workers }: Facts): readonly WorkerFacts[] {
  return workers.filter(({ software, settings }) => software === 'celery' && settings['task_acks_late'] === true);
}
