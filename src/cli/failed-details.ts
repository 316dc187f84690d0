/** `ctq failed show`: all that is left of one failed task. */
import type { FailedDetails } from '../ctq/failed-tasks.js';
import { readTask } from '../ctq/read-task.js';
import { argsRepr, kwargsRepr } from '../protocol/python-repr.js';
import { isRecord } from '../protocol/record.js';
import type { TaskMessage } from '../protocol/task-message.js';
import { escapeBlock, escapeText } from './escape-text.js';
import { type FailedDocument, failedDocument } from './failed-options.js';
import type { Paint } from './output/colour.js';
import { jsonText } from './output/json.js';
import { relativeTime } from './output/relative-time.js';
import { wrapText } from './output/wrap.js';
import { foldedTraceback } from './traceback.js';

/** As `--json` prints it; null where it is not known. */
export interface FailedDetailsDocument extends FailedDocument {
  readonly args: unknown;
  readonly kwargs: unknown;
  /** As people write them; known even where the body cannot be read here. */
  readonly argsrepr: string | null;
  readonly kwargsrepr: string | null;
  /** Names of the tasks that follow; null when the message is not there to tell. */
  readonly links: Links | null;
  readonly root_id: string | null;
  readonly parent_id: string | null;
  readonly group: string | null;
  readonly eta: string | null;
  readonly expires: string | null;
  readonly traceback: string | null;
  /** Whether the message is there to be sent again. */
  readonly message_kept: boolean;
}

interface Links {
  readonly callbacks: readonly string[];
  readonly errbacks: readonly string[];
  /** In the order in which they run. */
  readonly chain: readonly string[];
  /** The body of the chord that it is a part of. */
  readonly chord: string | null;
}

export async function detailsDocument({ failed, letter, failure }: FailedDetails): Promise<FailedDetailsDocument> {
  const task = letter?.message === undefined ? undefined : await readTask(letter.message);
  const headers = letter?.message?.headers ?? {};
  const extended = failure?.meta.extended;
  const args = task?.args ?? extended?.args ?? null;
  const kwargs = task?.kwargs ?? extended?.kwargs ?? null;
  return {
    ...failedDocument(failed),
    args,
    kwargs,
    argsrepr: textOf(headers['argsrepr']) ?? (Array.isArray(args) ? argsRepr(args) : null),
    kwargsrepr: textOf(headers['kwargsrepr']) ?? (isRecord(kwargs) ? kwargsRepr(kwargs) : null),
    links: task === undefined ? null : linksOf(task),
    root_id: task?.rootId ?? textOf(headers['root_id']),
    parent_id: task?.parentId ?? failure?.meta.parentId ?? textOf(headers['parent_id']),
    group: task?.group ?? failure?.meta.groupId ?? textOf(headers['group']),
    eta: task?.eta ?? textOf(headers['eta']),
    expires: task?.expires ?? textOf(headers['expires']),
    traceback: failure?.meta.traceback ?? letter?.note?.traceback ?? null,
    message_kept: letter?.message !== undefined,
  };
}

const INDENT = ' '.repeat(12);

const SOURCES: Readonly<Record<FailedDocument['source'], string>> = {
  record: 'the message was kept: ctq retry sends it again with all its links',
  refused: 'no worker would run the message, and it was kept: ctq retry sends it again with all its links',
  result: 'only the result is left: ctq retry makes a new message of it where it was stored with result_extended',
};

const NOT_KEPT = 'this alone: the message was too large (failed_tasks_max_size), or is none, and cannot be sent again';

export interface DetailsView {
  readonly nowMs: number;
  /** Of the screen; Infinity for a pipe. */
  readonly width: number;
  readonly paint: Paint;
}

export function detailsText(document: FailedDetailsDocument, { nowMs, width, paint }: DetailsView): string {
  const { links } = document;
  const coloured = (name: string, text: string): string => (name === 'reason' ? paint('red', text) : text);
  const rows: readonly (readonly [string, string | null])[] = [
    ['reason', document.reason],
    ['failed', whenText(document, nowMs)],
    ['worker', document.worker],
    ['retries', document.retries === null ? null : String(document.retries)],
    ['queue', document.queue],
    ['args', shownAs(document.argsrepr, document.args, Array.isArray(document.args) ? argsRepr(document.args) : null)],
    ['kwargs', shownAs(document.kwargsrepr, document.kwargs, isRecord(document.kwargs) ? kwargsRepr(document.kwargs) : null)],
    ['eta', document.eta],
    ['expires', document.expires],
    ['root', document.root_id === document.id ? null : document.root_id],
    ['parent', document.parent_id],
    ['group', document.group],
    ['callbacks', namesText(links?.callbacks)],
    ['errbacks', namesText(links?.errbacks)],
    ['chain', namesText(links?.chain, ' → ')],
    ['chord', links?.chord ?? null],
    ['kept', document.source !== 'result' && !document.message_kept ? NOT_KEPT : SOURCES[document.source]],
  ];
  const lines = rows.flatMap(([name, value]) =>
    value === null || value === '' ? [] : [`  ${name.padEnd(10)}${coloured(name, wrapText(escapeText(value), width, INDENT))}\n`],
  );
  const title = [document.task ?? 'a task without a name', document.id ?? document.handle].map((part) => escapeText(part));
  const told = document.traceback === null || width === Number.POSITIVE_INFINITY ? document.traceback : foldedTraceback(document.traceback);
  const traceback = told === null ? '' : `\n${escapeBlock(told).trimEnd()}\n`;
  return `${paint('bold', title[0] ?? '')} ${title[1] ?? ''}\n${lines.join('')}${traceback}`;
}

/** As everywhere, in JSON; where the sender has put other words in their place, perhaps to hide them, these. */
function shownAs(words: string | null, value: unknown, usual: string | null): string | null {
  return value === null || value === undefined || (words !== null && words !== usual) ? words : jsonText(value);
}

function whenText({ failed_at: at }: FailedDocument, nowMs: number): string | null {
  return at === null ? null : `${relativeTime(Date.parse(at), nowMs)}, ${at}`;
}

function namesText(names: readonly string[] | undefined, between = ', '): string | null {
  return names === undefined || names.length === 0 ? null : names.join(between);
}

function linksOf({ callbacks, errbacks, chain, chord }: TaskMessage): Links {
  return {
    callbacks: (callbacks ?? []).map(nameOf),
    errbacks: (errbacks ?? []).map(nameOf),
    chain: [...(chain ?? [])].reverse().map(nameOf),
    chord: chord === null || chord === undefined ? null : nameOf(chord),
  };
}

function nameOf(signature: unknown): string {
  return isRecord(signature) && typeof signature['task'] === 'string' ? signature['task'] : '?';
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}
