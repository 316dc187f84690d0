/** The desk for dead letters on Redis: its three drawers, and the step that takes from one of them and sends. */
import { deadLettersKey, failedAtKey, failedKey, priorityList } from '../../../brokers/redis/keys.js';
import { redisScript } from '../../../connections/redis/script.js';
import type { DeadLetterDesk, SendAgain } from '../../../estate/dead-letters.js';
import type { RedisStore } from '../store.js';
import { FailedTasks } from './failed-tasks.js';
import { RefusedMessages } from './refused-messages.js';
import sendAgainLua from './send-again.lua';
import { StoredFailures } from './stored-failures.js';

const sendAgainScript = redisScript(sendAgainLua);

export function redisDeadLetterDesk(store: RedisStore): DeadLetterDesk {
  const [failed, refused, failures] = [new FailedTasks(store), new RefusedMessages(store), new StoredFailures(store)];
  return {
    async *list(signal) {
      yield* failed.list(signal);
      yield* refused.list(signal);
    },
    counts: async (sinceMs) => ({ ...(await failed.counts(sinceMs)), refused: await refused.counts() }),
    find: (taskId) => failed.find(taskId),
    failures: (signal) => failures.list(signal),
    findFailure: (taskId) => failures.find(taskId),
    isChordOpen: async (groupId) =>
      (await store.read((connection) => connection.call('exists', [`${store.resultKeys.groupKeyOf(groupId)}.s`]))) === 1,
    sendAgain: async (again) => ((await sendAgain(store, again)) === 1 ? 'sent' : 'gone'),
    remove: (letter) => (letter.kind === 'refused' ? refused.remove(letter) : failed.remove(letter.key)),
  };
}

function sendAgain({ layout, resultKeys, write }: RedisStore, { letter, failure, queue, priority, envelope }: SendAgain): Promise<unknown> {
  const taskId = letter?.kind === 'failed' ? letter.key : (failure?.taskId ?? '');
  const keys = [
    ...[priorityList(layout, queue, priority), failedKey(layout), failedAtKey(layout), deadLettersKey(layout, letter?.queue ?? '')],
    resultKeys.keyOf(failure?.taskId ?? taskId),
  ];
  const expected = letter === undefined ? '' : letter.kind === 'failed' ? String(letter.atMs) : letter.key;
  return write((connection) =>
    connection.run(sendAgainScript, keys, [
      ...[letter?.kind ?? (failure === undefined ? 'unchecked' : 'result'), expected, taskId, envelope],
      ...[failure?.seen ?? '', failure?.now ?? ''],
    ]),
  );
}
