/** What people write: settings, command lines, URLs, crontabs, durations, rates. */
import { readSchedule } from '../../../src/beat/schedule-kinds.js';
import { readEntries } from '../../../src/beat/schedule-entry.js';
import { crontab } from '../../../src/beat/crontab.js';
import { TimeZone } from '../../../src/beat/time-zone.js';
import { splitCommandLine } from '../../../src/cli/command-line.js';
import { commands } from '../../../src/cli/commands/index.js';
import type { CommandSpec } from '../../../src/cli/command.js';
import { parseCommand } from '../../../src/cli/program.js';
import { escapeText } from '../../../src/cli/escape-text.js';
import { maskUrl, maskUrlsIn } from '../../../src/config/masking.js';
import { readLayer } from '../../../src/config/resolve.js';
import { SETTINGS } from '../../../src/config/settings.js';
import { parseAmqpUrl } from '../../../src/connections/amqp/url.js';
import { parseRedisUrl } from '../../../src/connections/redis/url.js';
import { parseSqliteUrl } from '../../../src/connections/sqlite/url.js';
import { parseRate } from '../../../src/execution/rate.js';
import { parseIsoDate } from '../../../src/protocol/iso-date.js';
import { compileRoutes } from '../../../src/routing/task-routes.js';
import { nodeFromJson } from '../../../src/canvas/node-json.js';
import { inventedValues, messageTexts, parseLoosely, safeJson } from '../seeds.js';
import { mutateText, mutateValue, NASTY_VALUES } from '../mutate.js';
import type { Random } from '../random.js';
import { type Target, tolerate } from '../target.js';

const CONFIGS: readonly Readonly<Record<string, unknown>>[] = [
  {
    broker_url: 'redis://h/0',
    result_backend: 'redis://h/1',
    task_serializer: 'json',
    accept_content: ['json'],
    timezone: 'Europe/Berlin',
  },
  { taskQueues: [{ name: 'a', exchange: 'b', routingKey: 'c' }], taskRoutes: { 'tasks.*': { queue: 'a' } }, workerConcurrency: 4 },
  {
    beat_schedule: { x: { task: 'tasks.add', schedule: 10, args: [1], options: { queue: 'a' } } },
    task_annotations: { '*': { rate_limit: '10/s' } },
  },
  {
    beatSchedule: { y: { task: 't', schedule: { crontab: '*/5 * * * mon-fri' }, catchUp: 'all' } },
    brokerTransportOptions: { visibility_timeout: 9 },
  },
  { BROKER_URL: 'redis://', CELERYD_CONCURRENCY: 2, CELERY_ROUTES: [['a.*', { queue: 'x' }]] },
  Object.fromEntries(Object.entries(SETTINGS).map(([name, { default: value }]) => [name, value])),
];

export function configTarget(): Target {
  return {
    name: 'config',
    make: (random) => safeJson(mutateValue(random.pick(CONFIGS), random, [...NASTY_VALUES, ...inventedValues()])),
    read(text) {
      const values = JSON.parse(text) as unknown;
      if (typeof values !== 'object' || values === null || Array.isArray(values)) return;
      tolerate(() => {
        const layer = readLayer(values as Record<string, unknown>, 'fuzz');
        compileRoutes(layer.get('taskRoutes')?.value ?? null);
        readEntries(layer.get('beatSchedule')?.value ?? {}, 'fuzz');
      });
      if (({} as { polluted?: unknown }).polluted !== undefined) throw new Error('a prototype was reached');
    },
  };
}

const WORDS = [
  '-A',
  'tasks',
  '-b',
  'redis://h',
  '--json',
  '-c',
  '4',
  '--timeout',
  '1s',
  '-Q',
  'a,b',
  '--kwargs',
  '{"x": 1}',
  '--',
  '-h',
  '--eta',
];

export function argvTarget(): Target {
  let specs: readonly CommandSpec[] = [];
  const lines = (): string[][] => specs.flatMap(({ examples }) => examples.map(([line]) => line.split(' ').slice(1)));
  const setting = { version: '0', width: 80 };
  return {
    name: 'argv',
    async open() {
      specs = await Promise.all(commands.map((entry) => entry.load()));
    },
    make: (random) => {
      const words = [...random.pick(lines())];
      for (let times = 1 + random.below(4); times > 0; times -= 1) {
        const at = random.below(words.length + 1);
        if (random.oneIn(3)) words.splice(at, 1);
        else if (random.oneIn(2)) words.splice(at, 0, random.oneIn(2) ? random.pick(WORDS) : String(random.pick(NASTY_VALUES)));
        else words[at] = mutateText(words[at] ?? '', random);
      }
      return safeJson(words);
    },
    read(text) {
      const argv = JSON.parse(text) as string[];
      tolerate(() => {
        const { command, rest } = splitCommandLine(argv);
        for (const spec of specs) if (spec.name === command || command === undefined) parseCommand(spec, rest, setting);
      });
    },
  };
}

const URLS = [
  'redis://:p%40ss@host:6379/0?ssl_cert_reqs=none',
  'rediss://u:p@h/1?ssl_ca_certs=/x.pem',
  'sentinel://a:26379/0;sentinel://b:26379',
  'redis+socket:///tmp/redis.sock?virtual_host=2',
  'amqp://guest:guest@localhost:5672//',
  'amqps://u:p@[::1]:5671/%2Fv?heartbeat=10',
  'sqlite:////var/lib/x.db?sync=full',
  'sqlite://',
  'memory://',
  'rpc://',
];

export function urlTarget(): Target {
  return {
    name: 'url',
    make: (random) => mutateText(random.pick(URLS), random),
    read(text) {
      const options = { transportOptions: {} };
      tolerate(() => parseRedisUrl(text, options));
      tolerate(() => parseAmqpUrl(text, options));
      tolerate(() => parseSqliteUrl(text));
      maskUrl(text);
      maskUrlsIn(text);
      escapeText(text);
    },
  };
}

const CRONTABS = [
  '0 8 * * mon-fri',
  '*/5 9-17 1,15 * *',
  '30 2 29 2 *',
  '0 0 31 4 *',
  '* * * * sun',
  '0-59/7 */3 * jan-dec 1-5',
  '0 0 1 1 0',
];
const TIMES = ['10s', '1h30m', '2 days', '0.5', '1w', '2026-01-01T00:00:00Z', '10/s', '100/m', '1/h', '7'];

/** A schedule that can be read can be asked, and answers soon. */
export function scheduleTarget(): Target {
  const zones = ['UTC', 'Europe/Berlin', 'Asia/Kathmandu', 'America/Santiago'].map((name) => TimeZone.of(name));
  return {
    name: 'schedule',
    make: (random: Random) => mutateText(random.pick(random.oneIn(3) ? TIMES : CRONTABS), random),
    read(text) {
      tolerate(() => crontab(text).nextAfter(new Date(1_800_000_000_000), zones[text.length % zones.length] as TimeZone));
      tolerate(() => readSchedule(text).nextAfter(new Date(1_800_000_000_000), zones[0] as TimeZone));
      tolerate(() => readSchedule({ every: text }));
      tolerate(() => parseRate(text));
      parseIsoDate(text);
    },
  };
}

/** Signatures in messages, and those that people write into files. */
export function signatureTarget(): Target {
  const signatures: unknown[] = [];
  const look = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    if ('subtask_type' in value) signatures.push(value);
    Object.values(value).forEach(look);
  };
  for (const text of messageTexts) {
    const body = Buffer.from((JSON.parse(text) as { body: string }).body, 'base64').toString();
    if (body.startsWith('[')) look(parseLoosely(body));
  }
  return {
    name: 'signature',
    make: (random) => safeJson(mutateValue(random.pick(signatures), random, [...signatures, ...inventedValues()])),
    read(text) {
      tolerate(() => nodeFromJson(JSON.parse(text)));
    },
  };
}
