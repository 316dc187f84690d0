import { describe, expect, it } from 'vitest';
import { splitCommandLine } from '../../../src/cli/command-line.js';

describe('splitCommandLine', () => {
  it.each([
    [['worker', '-A', 'tasks'], 'worker', ['-A', 'tasks']],
    [['-A', 'tasks', 'worker', '-l', 'info'], 'worker', ['-A', 'tasks', '-l', 'info']],
    [['--app=tasks', 'worker'], 'worker', ['--app=tasks']],
    [['-Atasks', 'worker'], 'worker', ['-Atasks']],
    [['-qA', 'tasks', 'worker'], 'worker', ['-qA', 'tasks']],
    [['-qC', 'send', 'x'], 'send', ['-qC', 'x']],
    [['--broker', 'redis://h', '--json', 'result', 'id'], 'result', ['--broker', 'redis://h', '--json', 'id']],
    [['-b', 'worker', 'send'], 'send', ['-b', 'worker']],
    [['--version'], undefined, ['--version']],
    [[], undefined, []],
    [['-A'], undefined, ['-A']],
    [['--', 'worker'], undefined, ['--', 'worker']],
  ])('finds in %j the command %s', (argv, command, rest) => {
    expect(splitCommandLine(argv)).toEqual({ command, rest });
  });

  it.each([
    [['-l', 'info', 'worker'], '-l'],
    [['--concurrency=4', 'worker'], '--concurrency'],
    [['-qx', 'worker'], '-x'],
  ])('says of %j that %s stands before the command', (argv, name) => {
    expect(() => splitCommandLine(argv)).toThrow(`unknown option ${name} before the command`);
  });
});
