/** What is known → the lines of the screen. No terminal is needed for that. */
import { escapeText } from '../escape-text.js';
import { isCelery } from '../node-status.js';
import type { Colour } from '../output/colour.js';
import { countText, numberText } from '../output/number.js';
import { durationText } from '../output/relative-time.js';
import { wrapText } from '../output/wrap.js';
import { CHOICES } from './choices.js';
import { questionOf } from './acts.js';
import { detailLines } from './details.js';
import { HELP } from './help.js';
import { headingTexts, placeColumns, rowTexts } from './layout.js';
import { bar, cutLine, type Line, type Span, span, spread } from './line.js';
import { PANES, type Snapshot, type Subject } from './model.js';
import { PANE_TABLE, type PaneRow } from './panes.js';
import { queueTotals, rowsOf, selectedIndex } from './rows.js';
import type { TopState } from './state.js';

export interface Screen {
  readonly width: number;
  readonly height: number;
  readonly nowMs: number;
}

export const SMALLEST = { width: 60, height: 10 } as const;
/** Summary, views, headings above; notice and hints below. */
const HEAD = 4;
const FOOT = 2;
/** From this height on the row that is selected is told in full below the list. */
const TALL = 36;
const PREVIEW = 12;
/** An outcome has been read by then. */
const NOTICE_MS = 15_000;
/** In lines. */
const LONGEST_NOTICE = 4;

/** As interval: nobody looks again. */
export const ONCE = Number.POSITIVE_INFINITY;

/** How many rows of a list are seen at once. */
export function pageOf({ height }: Pick<Screen, 'height'>): number {
  return Math.max(1, height - HEAD - FOOT - 1 - (height >= TALL ? PREVIEW : 0));
}

/** As many lines as the screen is high, none wider than it. */
export function render(state: TopState, screen: Screen): readonly Line[] {
  const { width, height } = screen;
  if (width < SMALLEST.width || height < SMALLEST.height) return tooSmall(screen);
  const notice = noticeLines(state, screen);
  const body = bodyLines(state, screen, height - HEAD - FOOT + 1 - notice.length);
  const lines = [...headLines(state, screen), ...body, ...notice, hintLine(state, width)];
  return lines.slice(0, height).map((line) => cutLine(line, width));
}

function tooSmall({ width, height }: Screen): readonly Line[] {
  const text = `ctq top needs ${SMALLEST.width}x${SMALLEST.height}, this is ${width}x${height}; q quits`;
  const lines = [span(text)];
  return Array.from({ length: height }, (_, index) => (index === 0 ? cutLine(lines, width) : []));
}

export function headLines(state: TopState, screen: Screen): readonly Line[] {
  const { snapshot, intervalMs, held, problem } = state;
  const { width, nowMs } = screen;
  const clock = new Date(nowMs).toISOString().slice(11, 19);
  const pace = held
    ? span('HELD: Space lets it go', 'yellow')
    : span(intervalMs === ONCE ? '' : `every ${durationText(intervalMs)}`, 'dim');
  const title: Line = [span('ctq top', 'bold'), span(`  ${escapeText(snapshot.broker)}`)];
  return [
    spread(title, [pace, span(`  ${clock} UTC`)], width),
    problem === undefined ? summaryLine(state, nowMs) : [span(`! ${escapeText(problem)}`, 'red')],
    flowLine(state),
    tabLine(state, width),
  ];
}

function summaryLine({ snapshot, intervalMs, held }: TopState, nowMs: number): Line {
  const { workers, tasks, tasksLeftOut } = snapshot;
  const up = workers.filter(({ state }) => state === 'up');
  const silent = workers.filter(({ state }) => state === 'silent').length;
  const size = up.reduce((sum, { concurrency }) => sum + (concurrency ?? 0), 0);
  const { ready, unacked, delayed } = queueTotals(snapshot);
  const lateMs = nowMs - snapshot.atMs;
  const late = !held && lateMs > Math.max(intervalMs * 3, 5_000);
  return [
    ...(late ? [span(`! no answer for ${durationText(lateMs)}  `, 'yellow')] : []),
    span('workers ', 'dim'),
    span(numberText(up.length), up.length === 0 ? 'red' : undefined),
    ...(Math.max(silent, snapshot.silent) > 0 ? [span(` (${Math.max(silent, snapshot.silent)} silent)`, 'yellow')] : []),
    span('  running ', 'dim'),
    span(`${numberText(tasks.length + tasksLeftOut)}/${numberText(size)}`),
    ...figure('ready', ready),
    ...figure('unacked', unacked),
    ...figure('delayed', delayed),
  ];
}

function flowLine({ snapshot, intervalMs }: TopState): Line {
  const { flow, failures, moreFailures, atMs } = snapshot;
  const lately = failures.filter(({ atMs: failedAtMs }) => failedAtMs !== null && atMs - failedAtMs < 3_600_000).length;
  const most = (moreFailures && lately === failures.length) || hidesFailures(snapshot) ? '+' : '';
  const failed: readonly Span[] = [span('  failed in 1 h ', 'dim'), span(`${numberText(lately)}${most}`, lately > 0 ? 'red' : undefined)];
  const begun: readonly Span[] = [span('begun ', 'dim'), span(flow.begun === null ? '-' : `${rate(flow.begun)}/s`)];
  // Who looks once does not listen.
  if (flow.events === null) return [...begun, ...failed, ...(intervalMs === ONCE ? [] : [span('  no task events', 'dim')])];
  const { succeeded, failed: failing, retried } = flow.events;
  return [
    ...begun,
    ...figureText('succeeded', `${rate(succeeded)}/s`, succeeded > 0 ? 'green' : undefined),
    ...figureText('failed', `${rate(failing)}/s`, failing > 0 ? 'red' : undefined),
    ...figureText('retried', `${rate(retried)}/s`, retried > 0 ? 'yellow' : undefined),
    ...failed,
  ];
}

/** Of what fails in Celery's workers there is but a result, which nobody has looked for yet. */
function hidesFailures({ workers, failures }: Snapshot): boolean {
  return workers.some(({ stats }) => isCelery(stats)) && !failures.some(({ source }) => source === 'result');
}

function figure(name: string, count: number | undefined): readonly Span[] {
  return figureText(name, count === undefined ? '-' : numberText(count), undefined);
}

function figureText(name: string, text: string, colour: Colour | undefined): readonly Span[] {
  return [span(`  ${name} `, 'dim'), span(text, colour)];
}

function rate(perSecond: number): string {
  return numberText(perSecond >= 100 ? Math.round(perSecond) : Math.round(perSecond * 10) / 10);
}

function tabLine({ snapshot, pane, views, mode }: TopState, width: number): Line {
  const tabs = PANES.flatMap((name, index): Span[] => {
    const text = `${index + 1} ${name} ${numberText(PANE_TABLE[name].count(snapshot))}`;
    return [name === pane ? span(`[${text}]`, 'bold') : span(` ${text} `, 'dim'), span(' ')];
  });
  const { filter } = views[pane];
  return spread(tabs, filter === '' || mode.kind === 'filter' ? [] : [span(`only "${escapeText(filter)}"`, 'yellow')], width);
}

function bodyLines(state: TopState, screen: Screen, height: number): readonly Line[] {
  const { mode } = state;
  if (mode.kind === 'help') return textLines(HELP, mode.top, height);
  const rows = rowsOf(state, screen.nowMs);
  if (mode.kind === 'details') {
    const row = rows.find(({ key }) => key === mode.key);
    const lines = mode.lines ?? (row === undefined ? ['it is not there any more; Esc goes back'] : linesOf(row.subject, state, screen));
    return textLines(lines, mode.top, height);
  }
  const preview = screen.height >= TALL ? previewLines(rows, state, screen) : [];
  return [...listLines(rows, state, screen, height - preview.length), ...preview];
}

function linesOf(subject: Subject, { snapshot }: TopState, { nowMs, width }: Screen): readonly string[] {
  return detailLines(subject, { snapshot, nowMs, width });
}

/** A text from a line on; it does not scroll out of sight. */
function textLines(lines: readonly string[], top: number, height: number): readonly Line[] {
  const from = Math.max(0, Math.min(top, lines.length - height));
  return filled(
    lines.slice(from, from + height).map((text) => [span(text)]),
    height,
  );
}

function listLines(rows: readonly PaneRow[], state: TopState, screen: Screen, height: number): readonly Line[] {
  const pane = PANE_TABLE[state.pane];
  const view = state.views[state.pane];
  // A mark and a space stand before each row: the selection must be seen without colour.
  const placed = placeColumns(pane, rows, { width: screen.width - 2, sort: view.sort });
  const heading = bar([span(`  ${headingTexts(pane, placed, view.sort).join('')}`)], screen.width, 'inverse');
  if (rows.length === 0) {
    const text = view.filter === '' ? pane.empty : `nothing here has "${escapeText(view.filter)}"; Esc shows everything`;
    return filled([heading, [], [span(`  ${text}`, 'dim')]], height);
  }
  const page = Math.max(1, height - 1);
  const selected = selectedIndex(rows, view);
  const from = Math.floor(selected / page) * page;
  const shown = rows.slice(from, from + page).map((row, index): Line => {
    const texts = rowTexts(pane, placed, row);
    if (from + index === selected) return bar([span(`> ${texts.join('')}`)], screen.width, 'inverse');
    return texts.map((text, at): Span => ({ text: at === 0 ? `  ${text}` : text, colour: row.colours[placed[at]?.index ?? -1] }));
  });
  return filled([heading, ...shown], height);
}

function previewLines(rows: readonly PaneRow[], state: TopState, screen: Screen): readonly Line[] {
  const row = rows[selectedIndex(rows, state.views[state.pane])];
  const title: Line = [span('-'.repeat(screen.width), 'dim')];
  const lines = row === undefined ? [] : linesOf(row.subject, state, screen).slice(0, PREVIEW - 1);
  return filled([title, ...lines.map((text): Line => [span(text)])], PREVIEW);
}

function filled(lines: readonly Line[], height: number): readonly Line[] {
  return Array.from({ length: height }, (_, index) => lines[index] ?? []);
}

/** A question, and what became of it, are told whole: the list gives way. */
function noticeLines(state: TopState, screen: Screen): readonly Line[] {
  const { mode, notice } = state;
  const { nowMs, width } = screen;
  if (mode.kind === 'question') {
    return wrapped(questionOf(mode.act).text, width - 1).map((text) => bar([span(` ${text}`)], width, 'inverse'));
  }
  const isTyping = mode.kind === 'filter' || mode.kind === 'search' || (mode.kind === 'rate limit' && notice?.tone !== 'bad');
  if (!isTyping && notice !== undefined && (notice.tone === 'working' || nowMs - notice.atMs < NOTICE_MS)) {
    const [mark, colour]: readonly [string, Colour] =
      notice.tone === 'good' ? ['ok: ', 'green'] : notice.tone === 'bad' ? ['! ', 'red'] : ['... ', 'yellow'];
    const [first = '', ...more] = wrapped(escapeText(notice.text), width - mark.length);
    return [[span(mark, colour), span(first)], ...more.map((text): Line => [span(`${' '.repeat(mark.length)}${text}`)])];
  }
  return [noticeLine(state, screen)];
}

function wrapped(text: string, width: number): readonly string[] {
  return wrapText(text, width, '').split('\n').slice(0, LONGEST_NOTICE);
}

function noticeLine(state: TopState, { nowMs, width }: Screen): Line {
  const { mode, notice } = state;
  switch (mode.kind) {
    case 'filter':
      return [span('only rows with: ', 'bold'), span(`${escapeText(mode.text)}_`)];
    case 'search':
      return [span('find: ', 'bold'), span(`${escapeText(mode.text)}_`)];
    case 'rate limit':
      if (notice?.tone === 'bad') break;
      return [span(`rate of ${escapeText(mode.task)} on each worker (10/m, 0 lifts it): `, 'bold'), span(`${escapeText(mode.text)}_`)];
    case 'question':
    case 'list':
    case 'help':
    case 'details':
      break;
  }
  return positionLine(state, nowMs, width);
}

/** Where one is in a list that is longer than the screen. */
function positionLine(state: TopState, nowMs: number, width: number): Line {
  if (state.mode.kind !== 'list') return [];
  const rows = rowsOf(state, nowMs);
  const all = PANE_TABLE[state.pane].count(state.snapshot);
  if (rows.length === 0) return [];
  const place = `${numberText(selectedIndex(rows, state.views[state.pane]) + 1)} of ${numberText(rows.length)}`;
  const leftOut = state.pane === 'tasks' ? state.snapshot.tasksLeftOut : 0;
  const more = [
    ...(rows.length < all ? [`${countText(all - rows.length, 'row')} hidden`] : []),
    ...(leftOut > 0 ? [`${numberText(leftOut)} more run`] : []),
    ...(state.pane === 'failures' && hidesFailures(state.snapshot) ? ["R looks for those of Python's workers"] : []),
    ...(state.pane === 'failures' && state.snapshot.moreFailures ? ['there are older ones: ctq failed'] : []),
  ];
  return spread([], [span([place, ...more].join(', '), 'dim')], width);
}

/** As many as there is room for; the last ones can be found in the help. */
function hintLine({ mode, pane }: TopState, width: number): Line {
  const line: Span[] = [];
  let left = width;
  for (const [key, does] of hints(mode, pane)) {
    const gap = line.length === 0 ? '' : '  ';
    left -= gap.length + key.length + 1 + does.length;
    if (left < 0) break;
    line.push(span(gap), span(key, 'bold'), span(` ${does}`, 'dim'));
  }
  return line;
}

function hints(mode: TopState['mode'], pane: TopState['pane']): readonly (readonly [key: string, does: string])[] {
  switch (mode.kind) {
    case 'question':
      return questionOf(mode.act)
        .answers.split('  ')
        .map((answer) => [answer.slice(0, 1), answer.slice(2)] as const);
    case 'help':
    case 'details':
      return [
        ['Esc', 'back'],
        ['up/down', 'scroll'],
      ];
    case 'filter':
    case 'search':
    case 'rate limit':
      return [
        ['Enter', 'done'],
        ['Esc', 'cancel'],
      ];
    case 'list':
      return [
        ...CHOICES[pane],
        ['?', 'help'],
        ['q', 'quit'],
        ['Tab', 'view'],
        ['Enter', 'more'],
        ['/', 'filter'],
        ['< >', 'sort'],
        ['f', 'find'],
      ];
  }
}
