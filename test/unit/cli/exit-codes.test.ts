import { describe, expect, it } from 'vitest';
import { exitCodeOf, Interruption, isExpected } from '../../../src/cli/exit-codes.js';
import {
  BrokerError,
  ConfigError,
  MessageStateError,
  NoReplyError,
  OutputFileError,
  ProtocolError,
  ResultBackendError,
  TaskError,
  UsageError,
  WaitTimeoutError,
} from '../../../src/errors.js';

const remote = { type: 'ValueError', args: ['boom'], module: 'builtins', traceback: null };

describe('an error’s exit code', () => {
  it.each<[Error, number]>([
    [new UsageError('x'), 2],
    [new ConfigError('x'), 2],
    [new ConfigError('x', {}, 'CTQ_CONFIG_DEPENDENCY'), 2],
    [new BrokerError('CTQ_BROKER_UNREACHABLE', 'x'), 69],
    [new BrokerError('CTQ_BROKER_CLOSED', 'x'), 69],
    [new ResultBackendError('x'), 69],
    [new NoReplyError('x'), 69],
    [new TaskError('id', 'FAILURE', remote), 1],
    [new TaskError('id', 'REVOKED', remote), 1],
    [new ProtocolError('CTQ_PROTOCOL_REFUSED', 'x'), 1],
    [new OutputFileError('x'), 73],
    [new WaitTimeoutError(), 75],
    [new MessageStateError('x'), 70],
    [new TypeError('x'), 70],
    [Object.assign(new Error('x'), { code: 'ENOENT' }), 70],
    [new Interruption('SIGINT'), 130],
    [new Interruption('SIGTERM'), 143],
    [new Interruption('closed pipe'), 0],
  ])('of %s is %i', (error, code) => {
    expect(exitCodeOf(error)).toBe(code);
  });

  it('does not depend on which copy of the library made the error', () => {
    const foreign = Object.assign(new Error('no'), { code: 'CTQ_CONFIG_APP', hint: 'do it' });
    expect([exitCodeOf(foreign), isExpected(foreign)]).toEqual([2, true]);
  });

  it('of what is no error is that of a bug', () => {
    for (const thrown of [undefined, null, 'text', { code: 'CTQ_USAGE' }])
      expect([exitCodeOf(thrown), isExpected(thrown)]).toEqual([70, false]);
  });
});
