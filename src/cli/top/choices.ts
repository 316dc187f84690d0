/** Which letter does what to the row that is selected; the hints on the last line come from the same table. */
import type { PaneName, Subject } from './model.js';
import type { Step } from './reduce.js';
import type { TopState } from './state.js';

/** A letter, and its word in the hints. */
export type Choice = readonly [key: string, does: string];

export const CHOICES: Readonly<Record<PaneName, readonly Choice[]>> = {
  workers: [
    ['+', 'grow'],
    ['-', 'shrink'],
    ['e', 'events on'],
    ['E', 'off'],
  ],
  queues: [
    ['p', 'pause/resume'],
    ['d', 'purge'],
  ],
  tasks: [
    ['x', 'revoke'],
    ['t', 'terminate'],
    ['l', 'rate limit'],
  ],
  failures: [
    ['r', 'retry'],
    ['R', 'search results'],
  ],
};

export function choose(state: TopState, letter: string, subject: Subject | undefined): Step {
  if (state.pane === 'failures' && letter === 'R') return { state, effect: { kind: 'scan failures' } };
  if (state.pane === 'workers' && (letter === 'e' || letter === 'E')) {
    return {
      state: { ...state, notice: undefined, mode: { kind: 'question', act: { kind: 'events', switched: letter === 'e' ? 'on' : 'off' } } },
    };
  }
  const mode = subject === undefined ? undefined : modeFor(letter, subject);
  return { state: mode === undefined ? state : { ...state, notice: undefined, mode } };
}

function modeFor(letter: string, subject: Subject): TopState['mode'] | undefined {
  switch (subject.kind) {
    case 'worker': {
      const { node, concurrency: size } = subject.row;
      if (letter === '+') return { kind: 'question', act: { kind: 'grow', node, size } };
      return letter === '-' ? { kind: 'question', act: { kind: 'shrink', node, size } } : undefined;
    }
    case 'queue': {
      const { name: queue, ready, paused } = subject.row;
      if (letter === 'p') return { kind: 'question', act: { kind: paused ? 'resume' : 'pause', queue } };
      return letter === 'd' ? { kind: 'question', act: { kind: 'purge', queue, ready, copy: 'for good' } } : undefined;
    }
    case 'task': {
      const { id, task } = subject.row;
      if (letter === 'x') return { kind: 'question', act: { kind: 'revoke', id, task } };
      if (letter === 't') return { kind: 'question', act: { kind: 'terminate', id, task } };
      return letter === 'l' ? { kind: 'rate limit', task, text: '' } : undefined;
    }
    case 'failure': {
      const { id, task } = subject.row;
      return letter === 'r' && id !== '' ? { kind: 'question', act: { kind: 'retry', id, task: task ?? 'a task' } } : undefined;
    }
  }
}
