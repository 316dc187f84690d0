/** `ctq status --probe`: yes or no for a container's health check, from the workers themselves or from what `--health` tells. */
import { lstatSync, readFileSync } from 'node:fs';
import { expandPath } from '../config/file-paths.js';
import { type HealthAddress, healthAddressText } from '../config/health-address.js';
import { UsageError } from '../errors.js';
import { resolveNodename } from '../protocol/nodename.js';
import { isRecord } from '../protocol/record.js';
import type { CommandCall, CommandOptions } from './command.js';
import { escapeText } from './escape-text.js';
import { EXIT } from './exit-codes.js';
import { jsonText } from './output/json.js';
import { openRemote } from './remote-call.js';

/** Options of `ctq status` that the probe reads. */
interface ProbeOptions {
  readonly destination: readonly (readonly string[])[] | undefined;
  readonly timeout: number | undefined;
  readonly health: HealthAddress | undefined;
  readonly ready: boolean | undefined;
}
type Call = Omit<CommandCall<CommandOptions>, 'options'> & { readonly options: ProbeOptions };

/** As `--json` prints it. */
interface Answer {
  readonly ok: boolean;
  readonly nodes: readonly string[];
  /** What is wrong, in words. */
  readonly problems: readonly string[];
}

/** A worker writes every two seconds; a machine under load may be late. */
const OLDEST_S = 15;
const LARGEST_BYTES = 64 * 1024;

export async function probe(call: Call): Promise<number> {
  const { context, globals, options } = call;
  if (options.ready === true && options.health === undefined) {
    throw new UsageError('--ready is for --health', { hint: 'a worker that answers through the broker is ready' });
  }
  const answer = await (options.health === undefined ? askNodes(call) : askHealth(call, options.health));
  if (globals.json === true) context.stdout.write(`${jsonText(answer)}\n`);
  else if (answer.ok) context.stdout.write(`ok ${answer.nodes.map(escapeText).join(' ')}`.trimEnd().concat('\n'));
  else if (globals.quiet !== true) context.stderr.write(`ctq: not ok: ${answer.problems.map(escapeText).join('; ')}\n`);
  return answer.ok ? EXIT.ok : EXIT.unavailable;
}

/** The first answer is enough; of those that were named, all must answer. */
async function askNodes(call: Call): Promise<Answer> {
  const { options, signal } = call;
  const destination = [...new Set(options.destination?.flat() ?? [])];
  const app = await openRemote(call);
  const replies = await app.control.gather(
    'ping',
    {},
    {
      signal,
      ...(options.timeout === undefined ? {} : { timeout: options.timeout }),
      ...(destination.length === 0 ? { limit: 1 } : { destination }),
    },
  );
  const nodes = [...new Set(replies.map(({ nodename }) => nodename))].sort();
  const missing = destination.filter((name) => !nodes.includes(name));
  const within = `within ${options.timeout ?? 1} s`;
  const problems =
    missing.length > 0 ? [`no answer from ${missing.join(', ')} ${within}`] : nodes.length > 0 ? [] : [`no worker answers ${within}`];
  return { ok: problems.length === 0, nodes, problems };
}

async function askHealth(call: Call, address: HealthAddress): Promise<Answer> {
  const { options, context, workdir } = call;
  const what = options.ready === true ? 'ready' : 'live';
  const named = options.destination?.flat() ?? [];
  try {
    const nodename = named[0] ?? resolveNodename(undefined, context);
    const paths = { nodename, workdir, hostname: context.hostname, pid: context.pid };
    const said =
      address.kind === 'file'
        ? readReport(expandPath(address.path, '--health', paths), context.clock.nowMs())
        : await fetchReport(address, what, { token: context.env['CTQ_HEALTH_TOKEN'], timeoutMs: (options.timeout ?? 1) * 1000 });
    return judge(said, what, named);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    return { ok: false, nodes: [], problems: [error instanceof Error ? error.message : String(error)] };
  }
}

function judge(said: Readonly<Record<string, unknown>>, what: 'live' | 'ready', named: readonly string[]): Answer {
  const node = typeof said['node'] === 'string' ? said['node'] : undefined;
  const listed = Array.isArray(said['problems']) ? said['problems'].filter(isRecord).map((problem) => String(problem['text'])) : [];
  const other = node !== undefined && named.some((name) => name !== node) ? [`it is ${node} that answers there`] : [];
  const ok = said[what] === true && other.length === 0;
  const problems = ok ? [] : other.length > 0 ? other : listed.length > 0 ? listed : [`it is not ${what}`];
  return { ok, nodes: node === undefined ? [] : [node], problems };
}

/** @throws Error with what is wrong, in words. */
function readReport(path: string, nowMs: number): Readonly<Record<string, unknown>> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) throw new Error(`there is no ${path}: no worker runs with --health ${path}`);
  if (!found.isFile() || found.size > LARGEST_BYTES) throw new Error(`${path} is not what a worker writes`);
  const said = parse(readFileSync(path, 'utf8'));
  const writtenMs = typeof said?.['at'] === 'string' ? Date.parse(said['at']) : Number.NaN;
  if (said === undefined || Number.isNaN(writtenMs)) throw new Error(`${path} is not what a worker writes`);
  const ageS = Math.abs(nowMs - writtenMs) / 1000;
  if (ageS > OLDEST_S) throw new Error(`${path} is ${Math.round(ageS)} s old: its worker is dead or frozen`);
  return said;
}

async function fetchReport(
  address: HealthAddress & { readonly kind: 'port' },
  what: 'live' | 'ready',
  { token, timeoutMs }: { readonly token: string | undefined; readonly timeoutMs: number },
): Promise<Readonly<Record<string, unknown>>> {
  const { get } = await import('node:http');
  // What a server may listen on is not always what a client can ask.
  const host = address.host === '0.0.0.0' ? '127.0.0.1' : address.host === '::' ? '::1' : address.host;
  const where = healthAddressText({ ...address, host });
  return new Promise((resolve, reject) => {
    const fail = (reason: string): void => reject(new Error(`${where}: ${reason}`));
    const request = get(
      {
        host,
        port: address.port,
        path: `/${what}`,
        headers: token === undefined || token === '' ? {} : { authorization: `Bearer ${token}` },
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (part: string) => {
          text += part;
          if (text.length > LARGEST_BYTES) request.destroy(new Error('it says too much'));
        });
        response.on('end', () => {
          if (response.statusCode === 401) return fail('it wants a token: set CTQ_HEALTH_TOKEN');
          const said = parse(text);
          if (said === undefined || typeof said[what] !== 'boolean') return fail('no worker answers there, but something else');
          resolve(said);
        });
        response.on('error', (error) => fail(error.message));
      },
    );
    const limit = setTimeout(() => request.destroy(new Error(`no answer within ${timeoutMs / 1000} s`)), timeoutMs);
    request.on('close', () => clearTimeout(limit));
    request.on('error', (error: NodeJS.ErrnoException) => fail(error.code === 'ECONNREFUSED' ? 'nobody listens there' : error.message));
  });
}

function parse(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
