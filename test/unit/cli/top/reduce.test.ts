import { describe, expect, it } from 'vitest';
import { PANES } from '../../../../src/cli/top/model.js';
import { type Effect, reduce, type Step } from '../../../../src/cli/top/reduce.js';
import { rowsOf, selectedIndex } from '../../../../src/cli/top/rows.js';
import type { TopState } from '../../../../src/cli/top/state.js';
import { failure, NOW_MS, press, queue, snapshot, state, task, worker } from './sample.js';

const surface = { nowMs: NOW_MS, page: 10 };

function typed(start: TopState, ...keys: readonly string[]): Step {
  let step: Step = { state: start };
  for (const key of keys) step = reduce(step.state, { kind: 'key', key: press(key) }, surface);
  return step;
}

function selected(now: TopState): string | undefined {
  const rows = rowsOf(now, NOW_MS);
  return rows[selectedIndex(rows, now.views[now.pane])]?.key;
}

function order(now: TopState): readonly string[] {
  return rowsOf(now, NOW_MS).map(({ key }) => key);
}

describe('keys', () => {
  it('go from view to view, and around', () => {
    expect(typed(state(), 'tab').state.pane).toBe('queues');
    expect(typed(state(), 'tab', 'tab', 'tab', 'tab').state.pane).toBe('workers');
    expect(typed(state(), 'left').state.pane).toBe('failures');
    expect(['1', '2', '3', '4'].map((key) => typed(state(), key).state.pane)).toEqual(PANES);
    const back = { ...press('tab'), shift: true };
    expect(reduce(state(), { kind: 'key', key: back }, surface).state.pane).toBe('failures');
  });

  it('select, and stop at the ends', () => {
    expect(selected(state())).toBe('ctq1@web-1');
    expect(selected(typed(state(), 'down').state)).toBe('py1@web-2');
    expect(selected(typed(state(), 'j', 'j', 'j', 'j').state)).toBe('py2@web-3');
    expect(selected(typed(state(), 'G').state)).toBe('py2@web-3');
    expect(selected(typed(state(), 'end', 'k').state)).toBe('py1@web-2');
    expect(selected(typed(state(), 'end', 'home', 'up').state)).toBe('ctq1@web-1');
    expect(selected(typed(state(), 'pagedown', 'pageup').state)).toBe('ctq1@web-1');
  });

  it('sort by the column beside, figures from the largest, and the other way round', () => {
    const queues = typed(state(), '2').state;
    expect(order(queues)).toEqual(['celery', 'mail', 'video']);
    expect(order(typed(queues, 'i').state)).toEqual(['video', 'mail', 'celery']);
    const byState = typed(queues, '<').state;
    expect(order(byState)).toEqual(['celery', 'video', 'mail']);
    expect(order(typed(queues, '<', '<', '<').state)).toEqual(order(typed(queues, ...Array.from({ length: 7 }, () => '>')).state));
  });

  it('stand what nobody knows last, whichever way', () => {
    const byRate = typed(state(), '>', '>', '>').state;
    const running = order(byRate);
    expect(running.at(-1)).toBe('py2@web-3');
    expect(order(typed(byRate, 'i').state).at(-1)).toBe('py2@web-3');
  });

  it('filter while one types: all words, in capitals or not', () => {
    const step = typed(state(), '3', '/', 'W', 'E', 'B', '-', '1', ' ', 'c', 'u', 's', 't');
    expect(step.state.mode.kind).toBe('filter');
    expect(order(step.state)).toEqual(['b3a4d2f1-0000-4000-8000-000000000002 ctq1@web-1']);
    expect(order(typed(step.state, 'return').state)).toHaveLength(1);
    // While one types, Esc brings back what was before; afterwards it shows everything.
    expect(order(typed(step.state, 'escape').state)).toHaveLength(3);
    expect(order(typed(step.state, 'return', 'escape').state)).toHaveLength(3);
    expect(order(typed(step.state, ...Array.from({ length: 5 }, () => 'backspace')).state)).toHaveLength(2);
  });

  it('find what matches, the next and the one before', () => {
    const begun = typed(state(), 'f', 'p', 'y', 'return').state;
    expect(selected(begun)).toBe('py1@web-2');
    expect(order(begun)).toHaveLength(3);
    expect(selected(typed(begun, 'n').state)).toBe('py2@web-3');
    expect(selected(typed(begun, 'n', 'n').state)).toBe('py1@web-2');
    expect(selected(typed(begun, 'N').state)).toBe('py2@web-3');
    expect(selected(typed(state(), 'f', 'z', 'z', 'return', 'n').state)).toBe('ctq1@web-1');
  });

  it('hold the screen and let it go, which looks at once', () => {
    const held = typed(state(), ' ');
    expect([held.state.held, held.effect]).toEqual([true, undefined]);
    const again = typed(held.state, ' ');
    expect([again.state.held, again.effect]).toEqual([false, { kind: 'look' }]);
  });

  it.each([
    ['q', 'quit'],
    ['ctrl-c', 'interrupt'],
    ['ctrl-z', 'suspend'],
    ['ctrl-l', 'redraw'],
  ])('%s: %s', (key, kind) => {
    expect(typed(state(), key).effect).toEqual({ kind });
  });

  it('end and suspend it in the middle of everything', () => {
    for (const keys of [['/'], ['?'], ['return'], ['2', 'd'], ['3', 'l']]) {
      expect(typed(state(), ...keys, 'ctrl-c').effect).toEqual({ kind: 'interrupt' });
      expect(typed(state(), ...keys, 'ctrl-z').effect).toEqual({ kind: 'suspend' });
    }
  });

  it('open what is selected, and reads a failure first', () => {
    const details = typed(state(), '3', 'return');
    expect(details.state.mode).toMatchObject({ kind: 'details', key: selected(details.state) });
    expect(typed(details.state, 'escape').state.mode).toEqual({ kind: 'list' });
    const read = typed(state(), '4', 'return');
    expect(read.effect).toEqual({ kind: 'read failure', key: failure().key, id: failure().id });
    const news = { kind: 'details', key: failure().key, lines: ['all of it'] } as const;
    expect(reduce(read.state, news, surface).state.mode).toMatchObject({ lines: ['all of it'] });
    // It comes too late.
    expect(reduce(typed(read.state, 'escape').state, news, surface).state.mode).toEqual({ kind: 'list' });
  });
});

describe('acts', () => {
  const cases: readonly (readonly [keys: readonly string[], act: Extract<Effect, { kind: 'act' }>['act']])[] = [
    [['+'], { kind: 'grow', node: 'ctq1@web-1', size: 100 }],
    [['down', '-'], { kind: 'shrink', node: 'py1@web-2', size: 8 }],
    [['e'], { kind: 'events', switched: 'on' }],
    [['E'], { kind: 'events', switched: 'off' }],
    [['2', 'p'], { kind: 'pause', queue: 'celery' }],
    [['2', 'down', 'p'], { kind: 'resume', queue: 'mail' }],
    [['2', 'd'], { kind: 'purge', queue: 'celery', ready: 200_000, copy: 'for good' }],
    [['3', 'down', 'x'], { kind: 'revoke', id: task().id, task: 'tasks.fetch_page' }],
    [['3', 'down', 't'], { kind: 'terminate', id: task().id, task: 'tasks.fetch_page' }],
    [['3', 'down', 'l', '1', '0', '/', 'm', 'return'], { kind: 'rate limit', task: 'tasks.fetch_page', rate: '10/m' }],
    [['4', 'r'], { kind: 'retry', id: failure().id, task: 'tasks.report' }],
  ];

  it.each(cases)('%j: nothing without a yes', (keys, act) => {
    const asked = typed(state(), ...keys);
    expect([asked.effect, asked.state.mode]).toEqual([undefined, { kind: 'question', act }]);
    expect(typed(asked.state, 'y')).toMatchObject({ effect: { kind: 'act', act }, state: { mode: { kind: 'list' } } });
    for (const no of ['n', 'escape', 'q']) expect(typed(asked.state, no)).toMatchObject({ state: { mode: { kind: 'list' } } });
    for (const no of ['n', 'escape', 'q', 'return', ' ', 'x', 'd', 'tab']) expect(typed(asked.state, no).effect).toBeUndefined();
    // A slip of the finger is no answer.
    for (const slip of ['return', ' ', 'x', 'down']) expect(typed(asked.state, slip).state.mode.kind).toBe('question');
  });

  it('are there while all of a row is shown, too', () => {
    expect(typed(state(), '3', 'return', 'x').state.mode).toMatchObject({ kind: 'question', act: { kind: 'revoke' } });
  });

  it('keep a copy of what is removed, if asked to', () => {
    expect(typed(state(), '2', 'd', 'c').effect).toMatchObject({ act: { kind: 'purge', copy: 'keep a copy' } });
    expect(typed(state(), '+', 'c').effect).toBeUndefined();
  });

  it('take no rate that is none, and say why', () => {
    const wrong = typed(state(), '3', 'l', 'f', 'a', 's', 't', 'return');
    expect(wrong.state.mode).toMatchObject({ kind: 'rate limit', text: 'fast' });
    expect(wrong.state.notice).toMatchObject({ tone: 'bad', text: expect.stringContaining('10/m') as string });
    expect(typed(wrong.state, 'backspace').state.notice).toBeUndefined();
    expect(typed(state(), '3', 'l', 'return').state.mode).toEqual({ kind: 'list' });
  });

  it('do nothing to nothing, and nothing to a failure without an id', () => {
    const nothing = state({}, { workers: [], queues: [], tasks: [], failures: [failure({ id: '', key: 'refused celery 0' })] });
    for (const keys of [['+'], ['2', 'd'], ['2', 'p'], ['3', 'x'], ['3', 'l'], ['4', 'r'], ['return'], ['down'], ['n']]) {
      expect(typed(nothing, ...keys)).toMatchObject({ state: { mode: { kind: 'list' } } });
    }
    expect(typed(nothing, '4', 'return').effect).toBeUndefined();
  });

  it('are not in the clipboard: what is pasted is a text, or nothing', () => {
    const paste = (now: TopState, key: string): Step => reduce(now, { kind: 'key', key: { ...press(key), pasted: true } }, surface);
    expect(paste(state(), 'q').effect).toBeUndefined();
    expect(paste(typed(state(), '2', 'd').state, 'y').effect).toBeUndefined();
    expect(paste(typed(state(), '/').state, 'y').state.mode).toMatchObject({ text: 'y' });
    expect(paste(typed(state(), '3', 'l', '5').state, 'return').state.mode).toMatchObject({ kind: 'rate limit', text: '5' });
  });
});

describe('news', () => {
  it('leave the selection on its row, wherever it goes', () => {
    const begun = typed(state(), 'down').state;
    const workers = [worker({ node: 'a@first' }), worker({ node: 'py1@web-2' })];
    expect(selected(reduce(begun, { kind: 'looked', snapshot: snapshot({ workers }) }, surface).state)).toBe('py1@web-2');
  });

  it('leave the selection on its place when the row is gone', () => {
    const begun = typed(state(), '2', 'down').state;
    const queues = [queue(), queue({ name: 'other', ready: 5 }), queue({ name: 'third', ready: 1 })];
    expect(selected(reduce(begun, { kind: 'looked', snapshot: snapshot({ queues }) }, surface).state)).toBe('other');
    expect(selected(reduce(begun, { kind: 'looked', snapshot: snapshot({ queues: [] }) }, surface).state)).toBeUndefined();
  });

  it('end a problem', () => {
    const away = reduce(state(), { kind: 'problem', text: 'away' }, surface).state;
    expect(away.problem).toBe('away');
    expect(away.snapshot).toBe(state(away).snapshot);
    expect(reduce(away, { kind: 'looked', snapshot: snapshot() }, surface).state.problem).toBeUndefined();
  });

  it('are kept no longer than they are shown: a day of them is as large as one', () => {
    let now = state();
    const size = JSON.stringify(now).length;
    for (let look = 0; look < 1_000; look += 1) {
      now = reduce(now, { kind: 'looked', snapshot: snapshot({ atMs: NOW_MS + look }) }, surface).state;
      now = reduce(now, { kind: 'notice', notice: { text: 'done', tone: 'good' } }, surface).state;
    }
    expect(JSON.stringify(now).length).toBeLessThan(size + 200);
  });
});
