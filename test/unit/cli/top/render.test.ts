/** The screens as they are, golden: what changes here is seen by everybody who uses `ctq top`. */
import { describe, expect, it } from 'vitest';
import { paintLine, plainLine } from '../../../../src/cli/top/line.js';
import { plainText, topDocument } from '../../../../src/cli/top/plain.js';
import { PANES } from '../../../../src/cli/top/model.js';
import { ONCE, render } from '../../../../src/cli/top/render.js';
import type { TopState } from '../../../../src/cli/top/state.js';
import { textWidth } from '../../../../src/cli/output/width.js';
import { failure, NOW_MS, queue, snapshot, state, task, worker } from './sample.js';

const SIZES = [
  { width: 80, height: 24 },
  { width: 120, height: 40 },
] as const;

function shown(state: TopState, { width, height }: { readonly width: number; readonly height: number } = SIZES[0]): string {
  return render(state, { width, height, nowMs: NOW_MS })
    .map((line) => plainLine(line).trimEnd())
    .join('\n');
}

describe.each(SIZES)('a screen of $width x $height', (size) => {
  it.each(PANES)('shows %s', (pane) => {
    expect(shown(state({ pane }), size)).toMatchSnapshot();
  });

  it.each(PANES)('shows all of what is selected among %s', (pane) => {
    const key = { workers: 'ctq1@web-1', queues: 'mail', tasks: `${task().id} ${task().node}`, failures: failure().key }[pane];
    expect(shown(state({ pane, mode: { kind: 'details', key, top: 0, lines: undefined } }), size)).toMatchSnapshot();
  });

  it('shows help', () => {
    expect(shown(state({ mode: { kind: 'help', top: 0 } }), size)).toMatchSnapshot();
  });

  it('asks before anything is done', () => {
    const act = { kind: 'purge', queue: 'mail', ready: 7, copy: 'for good' } as const;
    expect(shown(state({ pane: 'queues', mode: { kind: 'question', act } }), size)).toMatchSnapshot();
  });

  it('asks and answers in as many lines as it takes, and is no higher for it', () => {
    const id = 'd2285a1c-8f53-4dcd-b9e0-bb5ef0123456';
    const question = shown(state({ mode: { kind: 'question', act: { kind: 'terminate', id, task: 'tasks.resize' } } }), size);
    expect(question.replaceAll(/\s+/g, ' ')).toContain(`Terminate tasks.resize[${id}]? It ends at once where its pool can end tasks`);
    const text = `py1@vm: terminate: ${id}; js1@vm and nobody else: terminate: tasks unknown`;
    const answer = shown(state({ notice: { text, tone: 'good', atMs: NOW_MS } }), size);
    expect(answer.replaceAll(/\s+/g, ' ')).toContain(`ok: ${text}`);
    for (const screen of [question, answer]) expect(screen.split('\n')).toHaveLength(size.height);
    expect([question, answer].map((screen) => screen.split('\n').slice(-4).join('\n'))).toMatchSnapshot();
  });

  it('says what to do where there is nothing', () => {
    const nothing = { workers: [], queues: [], tasks: [], failures: [], silent: 0, flow: { begun: null, events: null } };
    for (const pane of PANES) expect(shown(state({ pane }, nothing), size)).toMatchSnapshot();
  });
});

describe('a screen', () => {
  it.each([
    [60, 10],
    [61, 11],
    [80, 24],
    [100, 35],
    [100, 36],
    [200, 70],
  ])('of %i x %i is as high as it is, and nothing is wider', (width, height) => {
    for (const pane of PANES) {
      const lines = render(state({ pane }), { width, height, nowMs: NOW_MS });
      expect(lines).toHaveLength(height);
      expect(Math.max(...lines.map((line) => textWidth(plainLine(line))))).toBeLessThanOrEqual(width);
    }
  });

  it.each([
    [59, 24, 'ctq top needs 60x10, this is 59x24; q quits'],
    [80, 9, 'ctq top needs 60x10, this is 80x9; q quits'],
    [10, 3, 'ctq top n…'],
    [1, 1, '…'],
  ])('of %i x %i says that it is too small', (width, height, says) => {
    const lines = render(state(), { width, height, nowMs: NOW_MS }).map(plainLine);
    expect(lines).toHaveLength(height);
    expect(lines[0]).toBe(says);
  });

  it('does not pretend to know what failed in Python, until somebody has looked', () => {
    const workers = [worker({ stats: { pool: { implementation: 'celery.concurrency.prefork:TaskPool' } } })];
    const unseen = shown(state({ pane: 'failures' }, { workers, failures: [failure({ source: 'record' })] }));
    expect(unseen).toMatch(/failed in 1 h \d+\+/);
    expect(unseen).toContain("R looks for those of Python's workers");
    const seen = shown(state({ pane: 'failures' }, { workers, failures: [failure({ source: 'result' })] }));
    expect(seen).not.toMatch(/failed in 1 h \d+\+|R looks/);
  });

  it('does not miss events that a single look cannot have heard', () => {
    const nothing = { flow: { begun: null, events: null } };
    expect(shown(state({}, nothing))).toContain('no task events');
    expect(shown(state({ intervalMs: ONCE }, nothing))).not.toContain('no task events');
  });

  it('holds no control character, whatever names there are', () => {
    const evil = '\u001b[2J\u0007\r\n\u202e\u009b31m';
    const known = {
      broker: evil,
      workers: [worker({ node: evil, pool: evil, queues: [evil], stats: { [evil]: evil } })],
      queues: [queue({ name: evil, consumers: [evil] })],
      tasks: [task({ id: evil, task: evil, node: evil, queue: evil, args: evil, kwargs: evil })],
      failures: [failure({ id: evil, task: evil, queue: evil, worker: evil, reason: evil })],
    };
    for (const pane of PANES) {
      const key = { workers: evil, queues: evil, tasks: `${evil} ${evil}`, failures: evil }[pane];
      for (const mode of [{ kind: 'list' }, { kind: 'details', key, top: 0, lines: undefined }] as const) {
        const text = shown(state({ pane, mode, problem: evil, notice: { text: evil, tone: 'bad', atMs: NOW_MS } }, known), SIZES[1]);
        expect(text).toContain('\\x1b[2J\\x07\\r\\n\\u202e\\x9b31m');
        expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\u202e]/u);
      }
    }
  });

  it('keeps columns straight with letters that are wider, and cuts them where they fit', () => {
    const known = { queues: [queue({ name: '队列'.repeat(30) }), queue({ name: 'e\u0301te\u0301' }), queue({ name: '👩‍👩‍👧 family' })] };
    const lines = render(state({ pane: 'queues' }, known), { width: 80, height: 24, nowMs: NOW_MS }).map(plainLine);
    const columns = lines.slice(5, 8).map((line) => textWidth(line.slice(0, line.indexOf('200,000'))));
    expect(new Set(columns).size).toBe(1);
    expect(lines.slice(5, 8).join('\n')).toMatch(/^> e\u0301te\u0301 .*\n {2}(队列)+队?… .*\n/u);
    for (const line of lines) expect(textWidth(line)).toBeLessThanOrEqual(80);
  });

  it('says without colour what it says with', () => {
    const text = shown(state({ pane: 'queues' }));
    expect(text).toMatch(/^> celery /m);
    expect(text).toContain('[2 queues 3]');
    expect(text).toContain('READY▾');
    expect(text).toMatch(/mail\s+paused/);
    expect(text).toMatch(/video\s+nobody/);
    const painted = render(state({ pane: 'queues' }), { ...SIZES[0], nowMs: NOW_MS }).map((line) =>
      paintLine(line, (colour, piece) => `<${colour}>${piece}</>`),
    );
    expect(painted.join('\n')).toContain('<yellow>paused');
    expect(painted.join('\n')).toMatch(/<inverse>> celery .*<\/>/);
  });

  it('tells of a broker that is away, or slow to answer', () => {
    expect(shown(state({ problem: 'the broker is away; trying again' }))).toContain('\n! the broker is away; trying again\n');
    const late = render(state(), { width: 80, height: 24, nowMs: NOW_MS + 9_000 }).map(plainLine);
    expect(late[1]).toMatch(/^! no answer for 9 s/);
    // Whoever holds the screen still does not ask.
    expect(
      render(state({ held: true }), { width: 80, height: 24, nowMs: NOW_MS + 9_000 })
        .map(plainLine)
        .join('\n'),
    ).not.toContain('no answer');
  });

  it('shows a page around what is selected in a long list, and where that is', () => {
    const tasks = Array.from({ length: 100 }, (_, index) => task({ id: `id-${index}`, startedAtMs: NOW_MS - (100 - index) * 1_000 }));
    const begun = state({ pane: 'tasks' }, { tasks, tasksLeftOut: 23 });
    const selected = { key: `id-50 ${task().node}`, index: 50 };
    const text = shown({ ...begun, views: { ...begun.views, tasks: { ...begun.views.tasks, selected } } });
    expect(text).toMatch(/^> id-50 /m);
    expect(text).toContain('51 of 100, 23 more run');
    expect(text).toContain('running 123/108');
  });
});

describe('without a terminal', () => {
  it('the four views stand below each other', () => {
    expect(plainText(state(), { nowMs: NOW_MS, width: 80 })).toMatchSnapshot('80 columns');
    expect(plainText(state(), { nowMs: NOW_MS, width: Number.POSITIVE_INFINITY })).toMatchSnapshot('a pipe');
  });

  it('--json has everything, by stable names', () => {
    expect(topDocument(snapshot())).toMatchSnapshot();
  });
});
