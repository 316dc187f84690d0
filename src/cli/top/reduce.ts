/** A key, or news → what is on the screen next, and what is to be done. Nothing is done here. */
import { isRate, RATE_HINT } from '../remote-arguments.js';
import { choose } from './choices.js';
import type { Act } from './acts.js';
import { PANES, type PaneName, type Snapshot } from './model.js';
import { PANE_TABLE } from './panes.js';
import { matches, rowsOf, selectedIndex } from './rows.js';
import type { Mode, Notice, PaneState, TopState } from './state.js';

/** A key as it was pressed. */
export interface KeyPress {
  /** `up`, `return`, `escape` …, and letters in lower case. */
  readonly name: string | undefined;
  /** What it would type; '' for keys that type nothing. */
  readonly text: string;
  readonly ctrl: boolean;
  readonly shift: boolean;
  /** Came out of the clipboard: a text, and never an order. */
  readonly pasted: boolean;
}

export type Input =
  | { readonly kind: 'key'; readonly key: KeyPress }
  | { readonly kind: 'looked'; readonly snapshot: Snapshot }
  | { readonly kind: 'problem'; readonly text: string }
  | { readonly kind: 'notice'; readonly notice: Omit<Notice, 'atMs'> }
  | { readonly kind: 'details'; readonly key: string; readonly lines: readonly string[] };

export type Effect =
  | { readonly kind: 'quit' | 'interrupt' | 'suspend' | 'redraw' | 'look' | 'scan failures' }
  | { readonly kind: 'act'; readonly act: Act }
  /** All that is known of a failed task has to be read first. */
  | { readonly kind: 'read failure'; readonly key: string; readonly id: string };

export interface Surface {
  readonly nowMs: number;
  /** How many rows are seen at once. */
  readonly page: number;
}

export interface Step {
  readonly state: TopState;
  readonly effect?: Effect;
}

export function reduce(state: TopState, input: Input, surface: Surface): Step {
  switch (input.kind) {
    case 'looked':
      return { state: settleSelection({ ...state, snapshot: input.snapshot, problem: problemOf(input.snapshot) }, surface) };
    case 'problem':
      return { state: { ...state, problem: input.text } };
    case 'notice':
      return { state: { ...state, notice: { ...input.notice, atMs: surface.nowMs } } };
    case 'details':
      return state.mode.kind === 'details' && state.mode.key === input.key
        ? { state: { ...state, mode: { ...state.mode, lines: input.lines } } }
        : { state };
    case 'key':
      return press(state, input.key, surface);
  }
}

function press(state: TopState, key: KeyPress, surface: Surface): Step {
  if (key.ctrl && key.name === 'c') return { state, effect: { kind: 'interrupt' } };
  if (key.ctrl && key.name === 'z') return { state, effect: { kind: 'suspend' } };
  if (key.ctrl && key.name === 'l') return { state, effect: { kind: 'redraw' } };
  const { mode } = state;
  if (key.pasted && (!('text' in mode) || key.name === 'return')) return { state };
  switch (mode.kind) {
    case 'list':
      return pressInList(state, key, surface);
    case 'help':
    case 'details':
      return pressInText(state, mode, key, surface);
    case 'question':
      return answer(state, mode.act, key);
    case 'filter':
    case 'search':
    case 'rate limit':
      return pressInLine(state, mode, key, surface);
  }
}

function pressInList(state: TopState, key: KeyPress, surface: Surface): Step {
  const { views, pane } = state;
  switch (key.name) {
    case 'tab':
      return { state: settleSelection({ ...state, pane: neighbour(pane, key.shift ? -1 : 1) }, surface) };
    case 'right':
      return { state: settleSelection({ ...state, pane: neighbour(pane, 1) }, surface) };
    case 'left':
      return { state: settleSelection({ ...state, pane: neighbour(pane, -1) }, surface) };
    case 'up':
      return { state: move(state, -1, surface) };
    case 'down':
      return { state: move(state, 1, surface) };
    case 'pageup':
      return { state: move(state, -surface.page, surface) };
    case 'pagedown':
      return { state: move(state, surface.page, surface) };
    case 'home':
      return { state: move(state, Number.NEGATIVE_INFINITY, surface) };
    case 'end':
      return { state: move(state, Number.POSITIVE_INFINITY, surface) };
    case 'escape':
      if (state.notice !== undefined && views[pane].filter === '') return { state: { ...state, notice: undefined } };
      return { state: settleSelection(withView(state, { filter: '' }), surface) };
    case 'return':
      return open(state, surface);
    default:
      return pressLetter(state, key, surface);
  }
}

function pressLetter(state: TopState, key: KeyPress, surface: Surface): Step {
  const view = state.views[state.pane];
  const pane = PANES[Number(key.text) - 1];
  if (pane !== undefined) return { state: settleSelection({ ...state, pane }, surface) };
  switch (key.text) {
    case 'q':
      return { state, effect: { kind: 'quit' } };
    case '?':
    case 'h':
      return { state: { ...state, mode: { kind: 'help', top: 0 } } };
    case 'j':
      return { state: move(state, 1, surface) };
    case 'k':
      return { state: move(state, -1, surface) };
    case 'g':
      return { state: move(state, Number.NEGATIVE_INFINITY, surface) };
    case 'G':
      return { state: move(state, Number.POSITIVE_INFINITY, surface) };
    case '<':
    case '>':
      return { state: withView(state, { sort: sortBeside(state, key.text === '<' ? -1 : 1) }) };
    case 'i':
      return { state: withView(state, { sort: { ...view.sort, order: view.sort.order === 'up' ? 'down' : 'up' } }) };
    case '/':
      return { state: { ...state, mode: { kind: 'filter', text: view.filter, before: view.filter } } };
    case 'f':
      return { state: { ...state, mode: { kind: 'search', text: '' } } };
    case 'n':
    case 'N':
      return { state: seek(state, state.sought, { from: key.text === 'n' ? 1 : -1, by: key.text === 'n' ? 1 : -1 }, surface) };
    case ' ':
      return state.held ? { state: { ...state, held: false }, effect: { kind: 'look' } } : { state: { ...state, held: true } };
    default:
      return choose(state, key.text, rowsOf(state, surface.nowMs)[selectedRow(state, surface)]?.subject);
  }
}

function selectedRow(state: TopState, { nowMs }: Surface): number {
  return selectedIndex(rowsOf(state, nowMs), state.views[state.pane]);
}

function open(state: TopState, surface: Surface): Step {
  const row = rowsOf(state, surface.nowMs)[selectedRow(state, surface)];
  if (row === undefined) return { state };
  const mode: Mode = { kind: 'details', key: row.key, top: 0, lines: undefined };
  const { subject } = row;
  if (subject.kind !== 'failure' || subject.row.id === '') return { state: { ...state, mode } };
  return { state: { ...state, mode }, effect: { kind: 'read failure', key: row.key, id: subject.row.id } };
}

/** Help and details: a text that scrolls. The renderer knows where it ends, and stops there. */
function pressInText(state: TopState, mode: Extract<Mode, { kind: 'help' | 'details' }>, key: KeyPress, { page, nowMs }: Surface): Step {
  const scroll = (by: number): Step => ({ state: { ...state, mode: { ...mode, top: Math.max(0, mode.top + by) } } });
  if (key.name === 'up' || key.text === 'k') return scroll(-1);
  if (key.name === 'down' || key.text === 'j') return scroll(1);
  if (key.name === 'pageup') return scroll(-page);
  if (key.name === 'pagedown' || key.text === ' ') return scroll(page);
  if (key.name === 'home' || key.text === 'g') return scroll(Number.NEGATIVE_INFINITY);
  if (['escape', 'return', 'backspace'].includes(key.name ?? '') || ['q', '?', 'h'].includes(key.text))
    return { state: { ...state, mode: { kind: 'list' } } };
  if (mode.kind === 'help') return { state };
  const { subject } = rowsOf(state, nowMs).find((row) => row.key === mode.key) ?? {};
  return subject === undefined ? { state } : choose(state, key.text, subject);
}

function answer(state: TopState, act: Act, { name, text }: KeyPress): Step {
  const listed: TopState = { ...state, mode: { kind: 'list' } };
  if (text === 'y' || text === 'Y') return { state: listed, effect: { kind: 'act', act } };
  if (act.kind === 'purge' && (text === 'c' || text === 'C')) {
    return { state: listed, effect: { kind: 'act', act: { ...act, copy: 'keep a copy' } } };
  }
  // Anything else but a plain no is a slip of the finger, and not an answer.
  return text === 'n' || text === 'N' || text === 'q' || name === 'escape' ? { state: listed } : { state };
}

type LineMode = Extract<Mode, { kind: 'filter' | 'search' | 'rate limit' }>;
const LONGEST_LINE = 200;

function pressInLine(state: TopState, mode: LineMode, key: KeyPress, surface: Surface): Step {
  if (key.name === 'return') return finishLine(state, mode, surface);
  if (key.name === 'escape') {
    const listed: TopState = { ...state, mode: { kind: 'list' } };
    return { state: mode.kind === 'filter' ? settleSelection(withView(listed, { filter: mode.before }), surface) : listed };
  }
  let { text } = mode;
  if (key.name === 'backspace') text = [...text].slice(0, -1).join('');
  else if (key.ctrl && key.name === 'u') text = '';
  else if (key.text !== '' && !key.ctrl) text = `${text}${key.text}`.slice(0, LONGEST_LINE);
  else return { state };
  // What was wrong with it is being put right.
  const notice = mode.kind === 'rate limit' ? undefined : state.notice;
  const typed: TopState = { ...state, notice, mode: { ...mode, text } };
  if (mode.kind === 'filter') return { state: settleSelection(withView(typed, { filter: text }), surface) };
  return { state: mode.kind === 'search' ? seek(typed, text, { from: 0, by: 1 }, surface) : typed };
}

function finishLine(state: TopState, mode: LineMode, surface: Surface): Step {
  const listed: TopState = { ...state, mode: { kind: 'list' } };
  if (mode.kind === 'search') return { state: { ...listed, sought: mode.text } };
  if (mode.kind === 'filter') return { state: listed };
  const rate = mode.text.trim();
  if (rate === '') return { state: listed };
  if (isRate(rate)) {
    return { state: { ...state, mode: { kind: 'question', act: { kind: 'rate limit', task: mode.task, rate } } } };
  }
  return { state: { ...state, notice: { text: RATE_HINT, tone: 'bad', atMs: surface.nowMs } } };
}

function move(state: TopState, by: number, { nowMs }: Surface): TopState {
  const rows = rowsOf(state, nowMs);
  const index = Math.max(0, Math.min(selectedIndex(rows, state.views[state.pane]) + by, rows.length - 1));
  return withView(state, { selected: { key: rows[index]?.key, index } });
}

/** Selects the next row that matches; none, none. */
function seek(state: TopState, text: string, way: { readonly from: number; readonly by: 1 | -1 }, { nowMs }: Surface): TopState {
  const rows = rowsOf(state, nowMs);
  const start = selectedIndex(rows, state.views[state.pane]) + way.from;
  for (let step = 0; text.trim() !== '' && step < rows.length; step += 1) {
    const index = (((start + step * way.by) % rows.length) + rows.length) % rows.length;
    const row = rows[index];
    if (row !== undefined && matches(row, text)) return withView(state, { selected: { key: row.key, index } });
  }
  return state;
}

/** A row keeps its selection wherever it goes; when it is gone, its place has it. */
function settleSelection(state: TopState, { nowMs }: Surface): TopState {
  const rows = rowsOf(state, nowMs);
  const index = selectedIndex(rows, state.views[state.pane]);
  return withView(state, { selected: { key: rows[index]?.key, index } });
}

function sortBeside(state: TopState, by: 1 | -1): PaneState['sort'] {
  const { columns } = PANE_TABLE[state.pane];
  const { sort } = state.views[state.pane];
  const column = (sort.column + by + columns.length) % columns.length;
  // Of figures the largest first, of names the first.
  return { column, order: columns[column]?.align === 'right' ? 'down' : 'up' };
}

function withView(state: TopState, change: Partial<PaneState>): TopState {
  return { ...state, views: { ...state.views, [state.pane]: { ...state.views[state.pane], ...change } } };
}

function neighbour(pane: PaneName, by: number): PaneName {
  return PANES[(PANES.indexOf(pane) + by + PANES.length) % PANES.length] ?? pane;
}

/** The view is right as far as it goes, and does not go far. */
export function problemOf({ unasked }: Snapshot): string | undefined {
  return unasked === undefined ? undefined : `workers cannot be asked: ${unasked}`;
}
