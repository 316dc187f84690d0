import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { exitCodeOf } from '../../src/cli/exit-codes.js';
import * as errors from '../../src/errors.js';

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

const {
  BrokerError,
  ConfigError,
  CtqError,
  MessageStateError,
  NoReplyError,
  NotFoundError,
  OutputFileError,
  ProtocolError,
  ResultBackendError,
  TaskError,
  UsageError,
  WaitTimeoutError,
} = errors;

interface Row {
  readonly code: string;
  readonly className: string;
  readonly exit: string;
}

/** The table of docs/errors.md. */
const rows: readonly Row[] = read('docs/errors.md')
  .split('\n')
  .filter((line) => line.startsWith('| `CTQ_'))
  .map((line) => line.split('|').map((cell) => cell.trim().replaceAll('`', '')))
  .map(([, code = '', className = '', means = '', remedy = '', exit = '']) => {
    if (means === '' || remedy === '') throw new Error(`docs/errors.md says too little about ${code}`);
    return { code, className, exit };
  });

const remote = { type: 'ValueError', args: ['boom'], module: 'builtins', traceback: null };

/** An error of each code, by its class. */
const make: Readonly<Record<string, (code: never) => InstanceType<typeof CtqError>>> = {
  UsageError: () => new UsageError('x'),
  ConfigError: (code) => new ConfigError('x', {}, code),
  BrokerError: (code) => new BrokerError(code, 'x'),
  ResultBackendError: (code) => new ResultBackendError('x', {}, code),
  NoReplyError: () => new NoReplyError('x'),
  NotFoundError: () => new NotFoundError('x'),
  TaskError: (code) => new TaskError('id', code === 'CTQ_TASK_REVOKED' ? 'REVOKED' : 'FAILURE', remote),
  ProtocolError: (code) => new ProtocolError(code, 'x'),
  OutputFileError: () => new OutputFileError('x'),
  WaitTimeoutError: () => new WaitTimeoutError(),
  MessageStateError: () => new MessageStateError('x'),
};

describe('docs/errors.md', () => {
  it('lists every code of src/errors.ts, each once, and no other', () => {
    const inSource = new Set(
      read('src/errors.ts')
        .match(/'CTQ_[A-Z_]+'/g)
        ?.map((quoted) => quoted.slice(1, -1)),
    );
    expect(rows.map(({ code }) => code).sort()).toEqual([...inSource].sort());
    expect(inSource.size).toBeGreaterThan(20);
  });

  it('names every class of the family', () => {
    const classes = Object.entries(errors).filter(
      ([name, value]) => typeof value === 'function' && value.prototype instanceof CtqError && name !== 'CtqError',
    );
    expect(new Set(rows.map(({ className }) => className))).toEqual(new Set(classes.map(([name]) => name)));
  });

  it.each(rows)('gives $code the class and the exit code that it has', ({ code, className, exit }) => {
    const error = make[className]?.(code as never);
    expect(error?.code).toBe(code);
    expect(error?.name).toBe(className);
    expect(String(exitCodeOf(error))).toBe(exit);
  });
});

describe('CtqError', () => {
  it('keeps cause and hint, and has neither when none was given', () => {
    const cause = new Error('why');
    expect(new ProtocolError('CTQ_PROTOCOL_MALFORMED', 'x', { hint: 'do', cause })).toMatchObject({ hint: 'do', cause, message: 'x' });
    expect(new UsageError('x')).toMatchObject({ hint: undefined });
    expect('cause' in new UsageError('x')).toBe(false);
  });

  it('tells a worker whether to come back to a broker', () => {
    const retryable = rows
      .filter(({ className }) => className === 'BrokerError')
      .filter(({ code }) => new BrokerError(code as never, 'x').retryable);
    expect(retryable.map(({ code }) => code)).toEqual(['CTQ_BROKER_UNREACHABLE', 'CTQ_BROKER_REFUSED', 'CTQ_BROKER_FAILED']);
  });

  it('says of a task what Python would say last', () => {
    expect(new TaskError('id', 'FAILURE', remote).message).toBe('ValueError: boom');
    expect(errors.remoteErrorText({ type: 'E', args: [] })).toBe('E');
    expect(errors.remoteErrorText({ type: 'E', args: [1, 'a', { b: 2 }] })).toBe('E: 1, a, {"b":2}');
    expect(errors.remoteErrorText({ type: 'E', args: [2n ** 70n, [1n], undefined] })).toBe('E: 1180591620717411303424, ["1"], undefined');
  });
});
