/** `ctq find` for people: where it is first, then what it is and what hangs on it. */
import { parseIsoDate } from '../../protocol/iso-date.js';
import { EXCEPTION_STATES } from '../../protocol/states.js';
import { remoteErrorText } from '../../errors.js';
import { decodeException } from '../../protocol/exception.js';
import { jsonText } from '../output/json.js';
import { countText, numberText } from '../output/number.js';
import { durationText, relativeTime } from '../output/relative-time.js';
import type { Field } from '../output/fields.js';
import { etaOf, findDocument, type FindDocument, UNREADABLE } from './document.js';
import type { Located } from './locate.js';

export function findFields(located: Located, nowMs: number): Field[] {
  const document = findDocument(located, nowMs);
  const optional = (name: string, value: string | null | undefined): Field[] =>
    value === null || value === undefined || value === '' ? [] : [[name, value]];
  return [
    ['task', document.task ?? 'not known: neither message nor extended result'],
    ['where', whereText(located, document, nowMs)],
    ...optional('state', document.state),
    ...optional('args', document.args === null ? null : jsonText(document.args)),
    ...optional('kwargs', document.kwargs === null || jsonText(document.kwargs) === '{}' ? null : jsonText(document.kwargs)),
    ...optional('result', resultText(located)),
    ...optional('done', whenText(document.date_done, nowMs)),
    ...optional('kept', located.result === undefined ? null : keptText(located.resultTtlMs)),
    ...optional('ran on', document.worker),
    ...optional('retries', document.retries === null || document.retries === 0 ? null : numberText(document.retries)),
    ...optional('parent', document.parent),
    ...optional('root', document.root === document.id ? null : document.root),
    ...optional('group', document.group),
    ...optional('children', document.children.join(', ')),
    ...optional('chord', chordText(document)),
    ...optional('revoked', document.revoked ? revokedText(document) : null),
    ...optional('failed', failedText(located, document, nowMs)),
  ];
}

/** A revoke keeps a task from beginning, and no more. */
function revokedText({ where, id }: FindDocument): string {
  return where === 'running'
    ? `yes, and it runs on: ctq control terminate SIGTERM ${id} ends it`
    : 'yes: a worker that gets it will drop it';
}

function whereText({ places, workers = [], deadLetters, failedAtMs }: Located, { where, state, id }: FindDocument, nowMs: number): string {
  const [place] = places;
  const active = workers.find((worker) => worker.state === 'active');
  const holder = active?.node ?? workers[0]?.node ?? place?.owner;
  const eta = place === undefined ? undefined : etaOf(place);
  switch (where) {
    case 'done':
      if (state === UNREADABLE) return 'there is a result, which is no JSON: a pickle, perhaps; ctq keys shows it';
      if (place !== undefined && state === 'REVOKED')
        return `ended: REVOKED; its message waits in queue ${place.queue} still, to be dropped`;
      return state === 'SUCCESS' ? 'done' : `ended: ${state ?? ''}`;
    case 'running': {
      const since = active?.startedAtMs === undefined ? '' : `, since ${durationText(nowMs - active.startedAtMs)}`;
      return holder === undefined ? 'running, as its result says; no worker answered for it' : `running on ${holder}${since}`;
    }
    case 'reserved': {
      const of = place === undefined ? '' : `, from queue ${place.queue}`;
      const taken = place?.takenAtMs === undefined ? '' : `, taken ${relativeTime(place.takenAtMs, nowMs)}`;
      return `${holder === undefined ? 'taken by a worker that does not answer' : `reserved by ${holder}`}${of}${taken}`;
    }
    case 'delayed': {
      const who = place?.place === 'unacked' ? `, held by ${holder ?? 'a worker'}` : '';
      return `delayed until ${when(place?.dueAtMs ?? eta ?? nowMs, nowMs)}, for queue ${place?.queue ?? ''}${who}`;
    }
    case 'queued': {
      if (place === undefined) return 'queued';
      const step = place.priority === 0 ? '' : `, priority ${place.priority}`;
      const before = place.position === 0 ? 'the next one' : `behind ${countText(place.position, 'other')}`;
      const notBefore = eta !== undefined && eta > nowMs ? `, to run not before ${when(eta, nowMs)}` : '';
      return `queued in ${place.queue}${step}: ${before}${place.among === undefined ? '' : ` of ${numberText(place.among)}`}${notBefore}`;
    }
    case 'dead letter': {
      const [letter] = deadLetters;
      if (letter !== undefined) return `dead letter of queue ${letter.queue}: ${letter.reason}`;
      return `failed${failedAtMs === undefined ? '' : ` ${relativeTime(failedAtMs, nowMs)}`}; ctq retry ${id} sends it again`;
    }
    case 'revoked':
      return 'revoked, and not in any queue';
    case 'unknown':
      return `nowhere, though its state is ${state ?? 'not known'}: its worker may have died, or its message has gone`;
  }
}

/** Where its message was kept. */
function failedText({ failedAtMs, deadLetters }: Located, { id, where }: FindDocument, nowMs: number): string | null {
  const [letter] = deadLetters;
  const next = `ctq retry ${id} sends it again, ctq failed show says more`;
  if (failedAtMs !== undefined) return `${relativeTime(failedAtMs, nowMs)}; ${next}`;
  return letter === undefined || where === 'dead letter' ? null : `${letter.reason}; ${next}`;
}

function resultText({ result }: Located): string | null {
  if (result === undefined || result.result === null) return null;
  if (EXCEPTION_STATES.has(result.status)) return remoteErrorText(decodeException(result.result, result.traceback));
  return typeof result.result === 'string' ? result.result : jsonText(result.result);
}

function chordText({ chord }: FindDocument): string | null {
  if (chord === null) return null;
  const { done, size, body } = chord as { done: number; size: number | null; body: { task: string; id: string | null } | null };
  const then = body === null ? '' : `, then ${body.task}${body.id === null ? '' : ` (${body.id})`}`;
  return `${numberText(done)} of ${size === null ? 'an unknown number of' : numberText(size)} parts are in${then}`;
}

function keptText(ttlMs: Located['resultTtlMs']): string | null {
  if (ttlMs === 'not told') return null;
  return ttlMs === undefined ? 'for ever' : `for ${durationText(ttlMs)} more`;
}

function whenText(iso: string | null, nowMs: number): string | null {
  const ms = iso === null ? undefined : parseIsoDate(iso)?.getTime();
  return ms === undefined ? iso : when(ms, nowMs);
}

function when(ms: number, nowMs: number): string {
  return `${new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z')} (${relativeTime(ms, nowMs)})`;
}
