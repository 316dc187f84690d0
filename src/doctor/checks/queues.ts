/** Queues, and what lies in them. */
import type { EstateFacts, Facts, QueueFacts } from '../facts.js';
import type { Check, Symptom } from '../finding.js';
import { counted, lasting, list } from '../words.js';

/** kombu counts priorities from 0 to 9 (WIRE 6.3). */
const HIGHEST_PRIORITY = 9;
const PICKLE = 'application/x-python-serialize';

const queuesOf = ({ estates }: Facts): readonly QueueFacts[] => estates.flatMap(({ queues }) => queues);
const isRedis = ({ health }: EstateFacts): boolean => health.engine === 'redis' || health.engine === 'valkey';

/** Queues that somebody takes from, as far as workers answered or left a trace. */
function consumed(facts: Facts): ReadonlySet<string> {
  return new Set([
    ...facts.workers.flatMap(({ queues }) => queues ?? []),
    ...queuesOf(facts).flatMap(({ report }) =>
      report.consumption === undefined && (report.consumerCount ?? 0) === 0 ? [] : [report.name],
    ),
  ]);
}

export const queueChecks: readonly Check[] = [
  {
    kind: 'no-consumer',
    weight: 'serious',
    why: 'these messages wait for ever',
    remedy: 'start a worker with -Q for it, or look for a typing mistake in the routes; ctq queues peek shows what waits',
    look: (facts) => {
      const served = consumed(facts);
      // Who did not answer may take from any of them.
      const doubt = facts.silentWorkers > 0 || facts.unasked !== undefined || facts.workers.some(({ queues }) => queues === undefined);
      return queuesOf(facts).flatMap(({ report }): readonly Symptom[] => {
        const waiting = report.ready;
        if (waiting === 0 || served.has(report.name) || report.paused) return [];
        const what = `queue ${report.name} has ${counted(waiting, 'message')} and no worker that takes from it`;
        return [doubt ? { what: `${what}, as far as workers answered`, weight: 'warning' } : { what }];
      });
    },
  },
  {
    kind: 'held-by-nobody',
    weight: 'warning',
    why: 'a Python worker took them and died, or does not answer: until its visibility timeout is over nobody else gets them',
    remedy:
      'leave a worker running on this broker, ctq or Python: it gives them back when they were taken longer ago than that. A ctq worker with a shorter visibility_timeout in broker_transport_options does so sooner, and runs twice what a Python worker still holds for longer',
    look: (facts) => {
      const served = consumed(facts);
      const limit = lasting(visibilityTimeoutMs(facts));
      // What a silent worker of ctq holds is told of as such.
      const estates = facts.estates.filter((estate) => isRedis(estate) && estate.health.silentConsumers.length === 0);
      if (facts.unasked !== undefined || facts.silentWorkers > 0) return [];
      return estates
        .flatMap(({ queues }) => queues)
        .flatMap(({ report: { name, unacked = 0 } }) =>
          unacked === 0 || served.has(name)
            ? []
            : [
                {
                  what: `queue ${name} has ${counted(unacked, 'message')} that somebody took who does not answer; the visibility timeout is ${limit}`,
                },
              ],
        );
    },
  },
  {
    kind: 'set-aside',
    weight: 'serious',
    why: 'they are in no queue, so that no worker takes them, and nothing brings them back by itself',
    remedy: 'bring them back',
    look: ({ estates }) =>
      estates.flatMap(({ url, asides }) =>
        asides.map(({ by, id, count, queues, to }) => ({
          what: `${counted(count, 'message')} of ${list(queues)} stand aside at ${url}: ${by}${to === undefined ? '' : ` to ${to}`} did not finish`,
          remedy:
            by === 'a purge'
              ? `ctq purge --undo ${id} brings them back`
              : `the same ctq migrate goes on with them; ctq migrate --put-back ${url} ${to ?? '<destination>'} brings them back`,
        })),
      ),
  },
  {
    kind: 'dead-letters',
    weight: 'warning',
    why: 'nobody could or would run these messages, and nobody will: workers put them aside',
    remedy: 'ctq failed shows each with its reason, ctq retry sends it again, ctq failed rm drops it',
    look: ({ estates }) =>
      estates.flatMap(({ url, failed }) => {
        const counts = [...(failed?.refused ?? [])].filter(([, count]) => count > 0);
        const sum = counts.reduce((all, [, count]) => all + count, 0);
        return sum === 0
          ? []
          : [{ what: `${url} has ${counted(sum, 'dead letter')} of ${list(counts.map(([queue]) => `queue ${queue}`))}` }];
      }),
  },
  {
    kind: 'recent-failures',
    weight: 'note',
    why: 'these tasks are done with: their callers have been told so, and nothing runs them again by itself',
    remedy: 'ctq failed --since 1h lists them, ctq retry runs them again',
    look: ({ estates }) =>
      estates.flatMap(({ url, failed }) =>
        failed === undefined || failed.failedSince === 0
          ? []
          : [{ what: `${counted(failed.failedSince, 'task')} failed at ${url} in the last hour` }],
      ),
  },
  {
    kind: 'unseen-queues',
    weight: 'note',
    why: 'what waits in a queue that nobody lists is not looked at',
    remedy: 'rabbitmq-plugins enable rabbitmq_management, and say where it listens: management_url in broker_transport_options',
    look: ({ estates }) => estates.flatMap(({ url, blindSpot }) => (blindSpot === undefined ? [] : [{ what: `${url}: ${blindSpot}` }])),
  },
  {
    kind: 'paused-queue',
    weight: 'note',
    why: 'nobody takes from it until somebody says so, however often workers start again',
    remedy: 'ctq queues resume <queue>, when what it was paused for is done',
    look: (facts) =>
      queuesOf(facts).flatMap(({ report }) =>
        report.paused ? [{ what: `queue ${report.name} is paused, with ${counted(report.ready, 'message')} in it` }] : [],
      ),
  },
  {
    kind: 'eta-beyond-visibility',
    weight: 'serious',
    why: 'Python workers hold a task until its ETA; after the visibility timeout another worker gets it as well, and it runs several times',
    remedy:
      'set visibility_timeout in broker_transport_options above the longest ETA, in workers and senders alike; ctq workers are not concerned',
    look: (facts) => {
      if (!facts.estates.some((estate) => estate.parts.includes('broker') && isRedis(estate))) return [];
      const limitMs = visibilityTimeoutMs(facts);
      const held = facts.workers.filter(({ software }) => software !== 'ctq');
      const onlyOurs = facts.workers.length > 0 && held.length === 0;
      const symptoms = held.flatMap(({ name, farthestEtaMs }) => beyond(`${name} holds a task`, farthestEtaMs, facts.nowMs, limitMs));
      if (onlyOurs) return symptoms;
      return [
        ...symptoms,
        ...queuesOf(facts).flatMap(({ report, farthestEtaMs }) =>
          beyond(`a task in queue ${report.name} is to wait`, farthestEtaMs, facts.nowMs, limitMs),
        ),
      ];
    },
  },
  {
    kind: 'mixed-serializers',
    weight: 'warning',
    why: 'a worker discards what it does not accept: each must list all of them in accept_content',
    remedy: 'send with one serializer; ctq queues peek shows who sends what',
    look: (facts) =>
      queuesOf(facts).flatMap(({ report, contentTypes }) => {
        const types = [...contentTypes.keys()].sort();
        return types.length > 1 ? [{ what: `queue ${report.name} has messages in ${list(types)}` }] : [];
      }),
  },
  {
    kind: 'pickle-in-use',
    weight: 'serious',
    why: 'reading a pickle runs whatever it says: who can write to the broker can run code on every worker that accepts it',
    remedy: 'send JSON: task_serializer = "json", accept_content = ["json"]',
    look: (facts) =>
      queuesOf(facts).flatMap(({ report, contentTypes }) => {
        const count = contentTypes.get(PICKLE) ?? 0;
        return count === 0 ? [] : [{ what: `queue ${report.name} has pickled messages (${count} of those looked at)` }];
      }),
  },
  {
    kind: 'priority-out-of-range',
    weight: 'warning',
    why: 'priorities go from 0 to 9; what is above is served as 9, what is below as 0',
    remedy: 'use 0 to 9, and on Redis remember that 0 is served first',
    look: (facts) =>
      queuesOf(facts).flatMap(({ report, priorities }) => {
        const wrong = [...priorities.keys()].filter((priority) => priority > HIGHEST_PRIORITY || priority < 0).sort((a, b) => a - b);
        return wrong.length === 0 ? [] : [{ what: `queue ${report.name} has messages of priority ${list(wrong.map(String))}` }];
      }),
  },
  {
    kind: 'priority-order',
    weight: 'note',
    why: 'on Redis the lowest number is served first, on RabbitMQ the highest: with 9 for "urgent" the urgent ones wait longest',
    remedy: 'make sure that the senders mean it so; queue_order_strategy: "priority" also orders between queues',
    look: (facts) =>
      facts.estates.filter(isRedis).flatMap(({ queues }) =>
        queues.flatMap(({ report }) => {
          const steps = report.readyByPriority.filter(({ count }) => count > 0).map(({ priority }) => priority);
          return steps.length > 1 ? [{ what: `queue ${report.name} has messages of the priorities ${list(steps.map(String), 10)}` }] : [];
        }),
      ),
  },
];

function beyond(who: string, etaMs: number | undefined, nowMs: number, limitMs: number): readonly Symptom[] {
  if (etaMs === undefined || etaMs - nowMs <= limitMs) return [];
  return [{ what: `${who} for ${lasting(etaMs - nowMs)}, and the visibility timeout is ${lasting(limitMs)}` }];
}

/** kombu's default (WIRE 6.5). */
const DEFAULT_VISIBILITY_TIMEOUT_S = 3_600;

/** The shortest of all workers: whoever looks first gives the message back. */
export function visibilityTimeoutMs({ estates, workers }: Facts): number {
  const theirs = workers.map(({ settings }) => {
    const options = settings['broker_transport_options'];
    const seconds =
      typeof options === 'object' && options !== null ? (options as { visibility_timeout?: unknown }).visibility_timeout : undefined;
    return typeof seconds === 'number' ? seconds : DEFAULT_VISIBILITY_TIMEOUT_S;
  });
  const ours = estates.flatMap(({ health }) => health.visibilityTimeoutS ?? []);
  return Math.min(...(theirs.length > 0 ? theirs : ours), Number.POSITIVE_INFINITY) * 1000;
}
