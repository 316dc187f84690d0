/** `GET /live` and `GET /ready`, and nothing that changes anything (RELIABILITY S25). */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isBearer } from '../../config/bearer-token.js';
import { isLoopback } from '../../config/health-address.js';
import type { HealthReport } from './report.js';

const PATHS: Readonly<Record<string, (report: HealthReport) => boolean>> = {
  '/live': ({ live }) => live,
  '/ready': ({ ready }) => ready,
};
const HEADERS = { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store', connection: 'close' };

export interface HealthServerOptions {
  readonly host: string;
  readonly port: number;
  /** With it, nobody who does not know it learns anything; without it, strangers learn yes or no. */
  readonly token: string | undefined;
  readonly report: () => HealthReport;
}

/** Resolves with the port when it listens; rejects when it cannot. */
export function openHealthServer(options: HealthServerOptions): Promise<{ readonly port: number; close(): void }> {
  const server = createServer({ maxHeaderSize: 4096, requestTimeout: 5_000, headersTimeout: 5_000 }, (request, response) =>
    answer(options, request, response),
  );
  server.maxConnections = 64;
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, () => {
      server.off('error', reject);
      server.on('error', () => {}); // One connection that failed.
      resolve({ port: (server.address() as AddressInfo).port, close: () => close(server) });
    });
  });
}

function close(server: Server): void {
  server.close();
  server.closeAllConnections();
}

function answer({ host, token, report }: HealthServerOptions, request: IncomingMessage, response: ServerResponse): void {
  const path = (request.url ?? '').replace(/\?.*$/, '');
  const judge = Object.hasOwn(PATHS, path) ? PATHS[path] : undefined;
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return end(response, 405, { error: 'only GET and HEAD' }, { allow: 'GET, HEAD' });
  if (token !== undefined && !isBearer(request.headers.authorization, token)) {
    return end(response, 401, { error: 'a token is needed' }, { 'www-authenticate': 'Bearer' });
  }
  if (judge === undefined) return end(response, 404, { error: 'ask for /live or /ready' });
  const said = report();
  const isWell = judge(said);
  // Names and loads are for whoever is on the machine, or knows the token.
  const isTrusted = token !== undefined || isLoopback(host);
  end(response, isWell ? 200 : 503, isTrusted ? said : { [path.slice(1)]: isWell });
}

function end(response: ServerResponse, status: number, body: object, headers: Readonly<Record<string, string>> = {}): void {
  // Node leaves the body out for HEAD by itself.
  response.writeHead(status, { ...HEADERS, ...headers }).end(`${JSON.stringify(body)}\n`);
}
