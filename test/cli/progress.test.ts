/** Long work says on a terminal how far it is: a store of many keys, seen on a real one. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { expect, it } from 'vitest';
import { projectRoot } from '../support/ctq-process.js';
import { redisCommands } from '../support/resp.js';
import { startRedis } from '../support/redis-server.js';
import { describeWith } from '../support/requires.js';
import { TestTerminal } from '../support/terminal.js';
import { tmpFolder } from '../support/tmp.js';

const RESULTS = `
for n = 1, 60000 do
  redis.call('SET', 'celery-task-meta-' .. n, '{"status":"SUCCESS","result":1,"traceback":null,"children":[]}', 'EX', 86400)
end`;

describeWith(['redis', 'python'], 'on a terminal', () => {
  it('keys, send --batch, migrate, purge and its undo tell how far they are, and clear the line in the end', async () => {
    const redis = await startRedis();
    await redisCommands(redis.port, [['EVAL', RESULTS, 0]]);
    const cwd = tmpFolder();
    const line = JSON.stringify({ task: 'tasks.add', args: [1, 2], options: { queue: 'mail' } });
    writeFileSync(join(cwd, 'tasks.jsonl'), `${line}\n`.repeat(40_000));
    /** All that was on its line, one after the other. */
    const frames = async (argv: readonly string[], more = ''): Promise<string> => {
      const line = [process.execPath, join(projectRoot, 'bin', 'ctq.js'), ...argv, more].join(' ');
      const terminal = new TestTerminal(['/bin/sh', '-c', line], { cwd, env: { CTQ_BROKER_URL: redis.url } });
      const { exit } = await terminal.ended();
      expect([argv, exit]).toEqual([argv, 0]);
      expect(await terminal.screen()).not.toMatch(/⠋|⠙|⠹|⠸|⠼|⠴|⠦|⠧|⠇|⠏/);
      return stripVTControlCharacters(terminal.written);
    };
    expect(await frames(['keys', '--limit', '3'])).toMatch(/\S looking at keys: [1-9][\d,]* keys so far/);
    expect(await frames(['send', '--batch', 'tasks.jsonl'], '> ids')).toMatch(/\S sent [1-9][\d,]*00/);
    await redis.command('LTRIM', 'mail', '0', '14999');
    const other = redis.urlOf(5);
    expect(await frames(['migrate', redis.url, other])).toMatch(/░ [1-9]\d? % \([1-9]\d*\/15000\)/);
    expect(await frames(['purge', '-f', '-Q', 'mail', '--keep-copy', 'copy.jsonl', '-b', other])).toMatch(/mail: [1-9][\d,]* removed/);
    expect(await frames(['purge', '--undo', 'copy.jsonl', '-b', other])).toMatch(/bringing back: [1-9][\d,]* of 15,000/);
    await redis.stop();
  }, 60_000);
});
