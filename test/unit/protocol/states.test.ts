import { describe, expect, it } from 'vitest';
import {
  ALL_STATES,
  EXCEPTION_STATES,
  isReady,
  precedence,
  PROPAGATE_STATES,
  READY_STATES,
  UNREADY_STATES,
} from '../../../src/protocol/states.js';

describe('states', () => {
  it('are final or not, and only IGNORED is neither', () => {
    const neither = [...ALL_STATES].filter((state) => !READY_STATES.has(state) && !UNREADY_STATES.has(state));
    expect(neither).toEqual(['IGNORED']);
    expect([...READY_STATES].filter((state) => UNREADY_STATES.has(state))).toEqual([]);
    expect(['SUCCESS', 'PROGRESS', 'RETRY'].map(isReady)).toEqual([true, false, false]);
  });

  it('raise only where an exception is stored', () => {
    for (const state of PROPAGATE_STATES) expect(EXCEPTION_STATES.has(state)).toBe(true);
  });

  it('rank as in Celery, a state of a task of its own before REVOKED', () => {
    const ranked = ['PENDING', 'PROGRESS', 'STARTED', 'FAILURE', 'RECEIVED', 'REVOKED', 'RETRY', 'SUCCESS'].sort(
      (a, b) => precedence(a) - precedence(b),
    );
    expect(ranked).toEqual(['SUCCESS', 'FAILURE', 'PROGRESS', 'REVOKED', 'STARTED', 'RECEIVED', 'RETRY', 'PENDING']);
  });
});
