/**
 * Whatever is typed or configured wrongly ends the real program with its exit code and one line that
 * says what is wrong and what to do: never a stack, never silence, never a hang.
 */
import { once } from 'node:events';
import { chmodSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { runCtq } from '../support/ctq-process.js';
import { IS_ROOT, testUnless } from '../support/requires.js';
import { tmpFolder } from '../support/tmp.js';

interface Mistake {
  readonly argv: readonly string[];
  readonly code: number;
  /** Part of the line. */
  readonly says: string;
  readonly files?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
}

const tasks = {
  'tasks.ts':
    "import { Ctq } from 'ctq';\nexport const app = new Ctq('tasks');\nexport const add = app.task('tasks.add', (x: number, y: number) => x + y);\n",
};
const send = ['send', 'tasks.add'];
const worker = ['worker', '-A', 'tasks', '-b', 'memory://'];

const onTheCommandLine: readonly Mistake[] = [
  { argv: [], code: 2, says: 'no command was given (try ctq --help' },
  { argv: ['--'], code: 2, says: 'no command was given' },
  { argv: ['-A', 'tasks'], code: 2, says: 'no command was given' },
  { argv: ['wroker'], code: 2, says: 'unknown command "wroker" (did you mean ctq worker?)' },
  { argv: ['tasks.add', '3', '4'], code: 2, says: 'did you forget "send"? ctq send tasks.add' },
  { argv: ['call', 'tasks.add'], code: 2, says: 'unknown command "call" (the command is ctq send)' },
  { argv: ['completion'], code: 2, says: 'the name of the shell: bash, zsh, fish or powershell is missing' },
  { argv: ['completion', 'zhs'], code: 2, says: 'there is no completion for "zhs" (did you mean zsh?)' },
  { argv: ['completion', 'tcsh'], code: 2, says: 'there is no completion for "tcsh" (' },
  { argv: ['beat'], code: 2, says: 'no app was named (did you forget -A? ctq beat -A tasks' },
  { argv: [''], code: 2, says: 'unknown command ""' },
  { argv: ['\u001b[2J\nx'], code: 2, says: 'unknown command' },
  { argv: ['__proto__'], code: 2, says: 'unknown command "__proto__"' },
  { argv: ['constructor'], code: 2, says: 'unknown command "constructor"' },
  { argv: ['help', 'nothing'], code: 2, says: 'unknown command "nothing"' },
  { argv: ['-l', 'debug', 'worker'], code: 2, says: 'unknown option -l before the command' },
  { argv: ['--nonsense'], code: 2, says: 'unknown option --nonsense before the command' },
  { argv: ['send'], code: 2, says: 'the name of the task is missing (ctq send tasks.add 3 4' },
  { argv: ['send', ''], code: 2, says: 'the name of the task is missing' },
  { argv: [...send, '--contdown', '3'], code: 2, says: 'unknown option --contdown for ctq send (did you mean --countdown?)' },
  { argv: [...send, '-z'], code: 2, says: 'unknown option -z for ctq send' },
  { argv: [...send, '--countdown'], code: 2, says: '--countdown needs a value' },
  { argv: [...send, '--countdown', 'soon'], code: 2, says: '--countdown is "soon" (it must be a number of seconds, 0 or more)' },
  { argv: [...send, '--countdown', '-3'], code: 2, says: '--countdown is "-3"' },
  { argv: [...send, '--eta', 'tomorrow'], code: 2, says: '--eta is "tomorrow" (it must be a date and time such as' },
  { argv: [...send, '--eta', '2030-02-30T00:00:00Z'], code: 2, says: '--eta is "2030-02-30T00:00:00Z"' },
  { argv: [...send, '--expires', 'never'], code: 2, says: '--expires is "never" (it must be seconds from now, or a date' },
  { argv: [...send, '--priority', '256'], code: 2, says: '--priority is "256" (it must be a whole number from 0 to 255)' },
  { argv: [...send, '--args', '3'], code: 2, says: '--args is "3" (it must be a JSON list such as [3, 4])' },
  { argv: [...send, '--args', '[3'], code: 2, says: '--args is "[3" (it is no JSON: ' },
  { argv: [...send, '--args', '['.repeat(100_000)], code: 2, says: '--args is "[[[' },
  { argv: [...send, '--args', '[1]', '2'], code: 2, says: 'arguments were given twice' },
  { argv: ['send', '--chain', 'a', '--group', 'b'], code: 2, says: '--chain and --group were given (send one after the other)' },
  { argv: ['send', '--chord', 'nowhere.json'], code: 2, says: 'nowhere.json (there is no such file)' },
  { argv: [...send, '--kwargs', '[1]'], code: 2, says: '--kwargs is "[1]" (it must be a JSON object' },
  { argv: [...send, '-k', 'novalue'], code: 2, says: '--kwarg is "novalue" (it must be key=value)' },
  { argv: [...send, '-H', '=x'], code: 2, says: '--header is "=x" (it must be key=value)' },
  { argv: [...send, '--serializer', 'pickle'], code: 2, says: '--serializer is "pickle" (it must be one of json, yaml, msgpack' },
  { argv: [...send, '--compression', 'zip'], code: 2, says: '--compression is "zip" (it must be one of ' },
  { argv: [...send, '--link', '{}'], code: 2, says: '--link is "{}" (it must be the name of a task, or a signature' },
  { argv: [...send, '--retry-policy', '{"tries": 3}'], code: 2, says: 'it has max_retries, interval_start, interval_step, interval_max' },
  { argv: [...send, '--ignore-result', '--wait'], code: 2, says: '--ignore-result leaves nothing to wait for' },
  { argv: ['ping'], code: 2, says: 'the command is ctq inspect ping' },
  { argv: ['revoke', 'x'], code: 2, says: 'the command is ctq control revoke' },
  { argv: ['terminate', 'x'], code: 2, says: 'it is ctq control terminate SIGTERM <id>' },
  { argv: ['workers'], code: 2, says: 'it is ctq status; ctq worker starts one' },
  { argv: ['peek', 'mail'], code: 2, says: 'the command is ctq queues peek' },
  { argv: ['queues', '-b', 'reddis://localhost'], code: 2, says: 'did you mean redis://?' },
  { argv: ['queues', '-b', 'localhost'], code: 2, says: 'did you mean redis://localhost?' },
  { argv: ['queues', '-b', 'http://localhost:6379'], code: 2, says: 'did you mean redis://localhost:6379?' },
  { argv: [...send, '-b', 'reddis://localhost'], code: 2, says: 'did you mean redis://?' },
  { argv: ['send', '--batch', 'no-such-file'], code: 2, says: 'there is no such file' },
  { argv: ['send', '--batch', '.'], code: 2, says: 'is a folder' },
  { argv: [...send, '--batch', '-', '--wait'], code: 2, says: '--batch does not wait' },
  { argv: [...send, '1', '--batch', '-'], code: 2, says: '--batch takes the arguments from its lines' },
  { argv: [...send, '-b', 'localhost'], code: 2, says: 'no broker for localhost://' },
  { argv: [...send, '-b', 'kafka://:hunter2@h'], code: 2, says: 'no broker for kafka://' },
  { argv: [...send, '-b', ''], code: 2, says: '--broker' },
  { argv: [...send, '-b', 'redis://h:99999/0'], code: 2, says: 'port' },
  { argv: [...send, '-b', 'memory://', '--result-backend', 'ftp://h', '-w'], code: 2, says: 'no result backend for ftp://' },
  { argv: [...send, '--connect-timeout', 'x'], code: 2, says: '--connect-timeout is "x"' },
  {
    argv: [...send, '--workdir', '/no/such/folder'],
    code: 2,
    says: '--workdir: cannot change to /no/such/folder (there is no such folder)',
  },
  { argv: [...send, '--config', 'no.json'], code: 2, says: '--config: there is no file' },
  { argv: ['result'], code: 2, says: 'the id of the task is missing (usage: ctq result' },
  { argv: ['result', 'x', '--timeout', 'x'], code: 2, says: '--timeout is "x"' },
  { argv: ['worker'], code: 2, says: 'no app was named (did you forget -A?' },
  { argv: ['worker', 'tasks'], code: 2, says: 'too many arguments for ctq worker (did you mean -A tasks? usage:' },
  { argv: ['purge', 'celery'], code: 2, says: 'did you mean -Q celery?' },
  { argv: ['worker', '-A', 'taks'], files: tasks, code: 2, says: 'did you mean tasks?' },
  { argv: ['worker', '-A', 'tasks:nope'], files: tasks, code: 2, says: 'has no export "nope" (it has tasks:app)' },
  { argv: ['worker', '-A', '../../../etc/passwd'], code: 2, says: 'cannot find the module' },
  { argv: [...worker, '-I', 'nothing'], files: tasks, code: 2, says: 'cannot find the module "nothing"' },
  { argv: [...worker, '-c', '0'], code: 2, says: '--concurrency is "0" (it must be a whole number of at least 1)' },
  { argv: [...worker, '-c', '1e3'], code: 2, says: '--concurrency is "1e3"' },
  { argv: [...worker, '-P', 'prefrok'], code: 2, says: 'did you mean prefork?' },
  { argv: [...worker, '--max-tasks-per-child', '3'], files: tasks, code: 2, says: 'the async pool has no children to replace' },
  { argv: [...worker, '-Q', 'a,,b'], code: 2, says: '--queues is "a,,b"' },
  { argv: [...worker, '-l', 'loud'], code: 2, says: '--loglevel is "loud" (it must be one of debug' },
  { argv: [...worker, '--logfile-format', 'xml'], code: 2, says: '--logfile-format is "xml"' },
  {
    argv: [...worker, '-P', 'solo', '--max-memory-per-child', '3'],
    files: tasks,
    code: 2,
    says: 'the solo pool has no children to replace',
  },
  { argv: [...worker, '-P', 'solo', '--autoscale', '4,2'], files: tasks, code: 2, says: 'the solo pool runs one task at a time' },
  { argv: [...worker, '--autoscale', '10,2,1'], code: 2, says: '--autoscale is "10,2,1" (it must be two whole numbers, such as 10,3)' },
  { argv: [...worker, '--autoscale', '0'], code: 2, says: 'it must be two whole numbers' },
  { argv: [...worker, '-O', 'fast'], code: 2, says: '--optimization is "fast" (it must be one of default, fair' },
  { argv: [...worker, '-f', 'no/such/ctq.log'], files: tasks, code: 73, says: 'cannot create the logfile' },
  { argv: [...worker, '-f', '%x.log'], files: tasks, code: 2, says: 'unknown expansion %x' },
  { argv: [...worker, '-f', '.'], files: tasks, code: 73, says: 'it is a folder' },
  { argv: [...worker, '--pidfile', 'no/such/w.pid'], files: tasks, code: 73, says: 'cannot create the pidfile' },
  {
    argv: [...worker, '--pidfile', 'w.pid'],
    files: { ...tasks, 'w.pid': '1\n' },
    code: 73,
    says: "already exists. Seems we're already running? (pid: 1)",
  },
  { argv: [...worker, '-n', '%x@host'], files: tasks, code: 2, says: 'unknown expansion %x' },
];

const inTheEnvironment: readonly Mistake[] = [
  { argv: send, env: { CTQ_BROKER_URL: '//h' }, code: 2, says: 'CTQ_BROKER_URL is "//h"' },
  { argv: send, env: { CELERY_BROKER_URL: 'gopher://h' }, code: 2, says: '; it comes from CELERY_BROKER_URL)' },
  { argv: ['queues'], env: { CTQ_BROKER_URL: 'redis://h:port' }, code: 2, says: '; it comes from CTQ_BROKER_URL)' },
  { argv: ['queues', '-b', 'redis://h:port'], env: { CTQ_BROKER_URL: 'redis://h' }, code: 2, says: '[:6379][/db])' },
  { argv: send, env: { CTQ_CONFIG: 'no.yaml' }, code: 2, says: 'CTQ_CONFIG: there is no file' },
  { argv: ['worker'], env: { CTQ_APP: 'nothing' }, code: 2, says: 'cannot find the module "nothing"' },
];

const inTheConfigFile: readonly (readonly [name: string, content: string, says: string])[] = [
  ['.ctqrc.json', '{"brokrUrl": "x"}', '.ctqrc.json: unknown setting "brokrUrl" (did you mean brokerUrl?)'],
  ['.ctqrc.json', '{"broker_url": "redis://h", "CELERY_ROUTES": {}}', 'mixed (rename CELERY_ROUTES to taskRoutes)'],
  ['.ctqrc.json', '{"brokerUrl": "redis://h", "broker_url": "redis://h"}', 'are the same setting'],
  ['.ctqrc.json', '{"brokerUrl": 6379}', '.ctqrc.json: brokerUrl is 6379 (it must be a URL'],
  ['.ctqrc.json', '{"workerConcurrency": "4"}', 'write 4 without quotes'],
  ['.ctqrc.json', '{"taskSerializer": "pickle"}', 'taskSerializer is "pickle" (it must be one of json, yaml, msgpack, auth)'],
  ['.ctqrc.json', '{"timezone": "Mars"}', 'timezone is "Mars" (it must be the name of a time zone'],
  ['.ctqrc.json', '{"send": {"countdwn": 3}}', '.ctqrc.json: send.countdwn: unknown option "countdwn" (did you mean countdown?)'],
  ['.ctqrc.json', '{"send": {"countdown": "soon"}}', '.ctqrc.json: send.countdown is "soon" (it must be a number of seconds'],
  ['.ctqrc.json', '{"send": {"wait": 1}}', '.ctqrc.json: send.wait is 1 (it must be true or false)'],
  ['.ctqrc.json', '{"send": []}', 'send is [] (it must be an object'],
  ['.ctqrc.json', '{"brokerUrl": ', '.ctqrc.json:1:15: '],
  ['.ctqrc.json', 'null and void', '.ctqrc.json:1:'],
  ['.ctqrc.json', '['.repeat(5000), '.ctqrc.json'],
  ['.ctqrc.json', '42', '.ctqrc.json holds 42 (it must hold an object of settings)'],
  ['.ctqrc.yaml', 'a:\n\t- tab', '.ctqrc.yaml:2:'],
  ['.ctqrc.yaml', '- a\n- b', '.ctqrc.yaml holds a list'],
  ['.ctqrc.yaml', 'brokerUrl: !!js/function "x"', '.ctqrc.yaml:1:'],
  ['.ctqrc', '{{{', '.ctqrc:2:1: '],
  ['package.json', '{"ctq": "tasks"}', 'package.json#ctq holds "tasks"'],
  ['ctq.config.ts', 'export default { brokerUrl: };', 'ctq.config.ts:1:29: '],
  ['ctq.config.ts', 'export const config = 1;', 'ctq.config.ts has no default export'],
  ['ctq.config.ts', 'export default 1 as number;', 'ctq.config.ts holds 1'],
  ['ctq.config.mjs', 'import "no-such-package"; export default {};', 'no-such-package'],
  ['ctq.config.js', 'throw new Error("one\\ntwo");', 'ctq.config.js failed while it was loaded: Error: one (at ctq.config.js:1:7)'],
];

const inTheModule: readonly (readonly [source: string, says: string])[] = [
  ['export const a = = 1;', 'tasks.ts:1:18: Unexpected "=" (correct the file)'],
  ['import "./nothing.js";', 'tasks.ts:1:8: Could not resolve "./nothing.js"'],
  [
    '\n\ninterface A { a: 1 }\nfunction f(): never {\n  throw new TypeError("bo\\nom");\n}\nf();',
    'tasks.ts failed while it was loaded: TypeError: bo (at tasks.ts:5:9)',
  ],
  ['throw null;', 'tasks.ts failed while it was loaded: it threw null'],
  ['await new Promise(() => {});', 'nothing is left that could go on'],
  [
    'import { Ctq } from "ctq";\nnew Ctq("a", { wrkerPool: "async" });',
    'unknown setting "wrkerPool" (did you mean workerPool?; at tasks.ts:2:1)',
  ],
  ['import { Ctq } from "ctq";\nexport const app = new Ctq("a", { include: ["mail"] });', 'cannot find the module "mail"'],
  [
    'import { Ctq } from "ctq";\nexport const app = new Ctq("a");\napp.task("t", () => 1);\napp.task("t", () => 2);',
    'the task t is registered twice',
  ],
  ['export {};', 'exports neither an app nor a function'],
];

/** The program with this mistake: its one line on stderr. */
async function lineFor({
  argv,
  files,
  env,
}: Pick<Mistake, 'argv' | 'files' | 'env'>): Promise<{ code: number | null; line: string; stdout: string }> {
  const cwd = tmpFolder(files);
  const { code, stdout, stderr } = await runCtq(argv, { cwd, ...(env === undefined ? {} : { env }) });
  expect(stderr).toMatch(/^ctq: [^\n]+\n$/);
  expect(stderr).not.toMatch(/ {4}at |node:internal|\u001b/);
  expect(stderr.length).toBeLessThan(700);
  return { code, line: stderr, stdout };
}

describe.concurrent('a wrong command line', () => {
  it.each(onTheCommandLine.map((mistake) => [mistake.argv.map((word) => word.slice(0, 40)).join(' '), mistake] as const))(
    'ctq %s',
    async (_name, mistake) => {
      const { code, line, stdout } = await lineFor(mistake);
      expect(line).toContain(mistake.says);
      expect([code, stdout]).toEqual([mistake.code, '']);
      expect(line).not.toContain('hunter2');
    },
  );
});

describe.concurrent('a wrong environment variable', () => {
  it.each(inTheEnvironment.map((mistake) => [JSON.stringify(mistake.env), mistake] as const))('%s', async (_name, mistake) => {
    const { code, line } = await lineFor(mistake);
    expect(line).toContain(mistake.says);
    expect(code).toBe(mistake.code);
  });
});

describe.concurrent('a wrong config file', () => {
  it.each(inTheConfigFile.map(([name, content, says]) => [name, content.slice(0, 60), content, says] as const))(
    '%s holding %j',
    async (name, _short, content, says) => {
      const { code, line } = await lineFor({ argv: ['send', 'tasks.add', '-b', 'memory://'], files: { [name]: content } });
      expect(line).toContain(says);
      expect(code).toBe(2);
    },
  );

  testUnless(IS_ROOT, 'that may not be read', async () => {
    const cwd = tmpFolder({ 'c.json': '{}' });
    chmodSync(`${cwd}/c.json`, 0);
    const { code, stderr } = await runCtq([...send, '--config', 'c.json'], { cwd });
    expect([code, stderr]).toEqual([2, 'ctq: c.json: permission denied (make it readable for this user)\n']);
  });
});

describe.concurrent('a wrong task module', () => {
  it.each(inTheModule)('%j', async (source, says) => {
    const { code, line } = await lineFor({ argv: worker, files: { 'tasks.ts': source } });
    expect(line).toContain(says);
    expect(code).toBe(says.startsWith('nothing is left') ? 70 : 2);
  });
});

describe('a broker that is not there', () => {
  it.each([[send], [['result', 'x']], [[...send, '--wait']]])('is told of within 5 seconds by ctq %j', async (argv) => {
    const startedAt = performance.now();
    const { code, line } = await lineFor({ argv: [...argv, '-b', 'redis://:hunter2@127.0.0.1:1'] });
    expect(code).toBe(69);
    // The program has to start, too, beside others that may keep the machine from it for a while.
    expect(performance.now() - startedAt).toBeLessThan(15_000);
    expect(line).not.toContain('hunter2');
  });

  it('is told of sooner with --connect-timeout', async () => {
    // Somebody who accepts and says nothing: with a limit of its own, and with ours.
    const silent = createServer((socket) => socket.on('error', () => {})).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const url = `redis://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    const [hasty, usual] = await Promise.all(
      [
        [...send, '-b', url, '--connect-timeout', '0.5'],
        [...send, '-b', url],
      ].map((argv) => lineFor({ argv })),
    );
    expect([hasty?.code, hasty?.line]).toEqual([69, expect.stringContaining('no answer within 0.5 s')]);
    expect([usual?.code, usual?.line]).toEqual([69, expect.stringContaining('no answer within 4 s')]);
    silent.close();
  });
});
