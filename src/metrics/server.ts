/** `GET /metrics`, and nothing that changes anything (RELIABILITY S25). */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isBearer } from '../config/bearer-token.js';
import { healthAddressText, isLoopback } from '../config/health-address.js';
import { ConfigError, OutputFileError } from '../errors.js';
import type { Logger } from '../logger.js';
import type { Exposition } from './exposition.js';

/** Where metrics are given. */
export interface MetricsOptions {
  readonly host: string;
  readonly port: number;
  /** `Authorization: Bearer <token>`: without it nobody is told anything. Needed where others can reach the port. */
  readonly token?: string;
  /** How errors name the option; default `--metrics`. */
  readonly option?: string;
}

export interface MetricsServer {
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Resolves when it listens. It never keeps the process alive.
 *
 * @throws {@link OutputFileError} when the port is taken, {@link ConfigError} where others could read without a token.
 */
export async function openMetricsServer(options: MetricsOptions, exposed: Exposition, logger: Logger): Promise<MetricsServer> {
  if (!isLoopback(options.host) && options.token === undefined) {
    throw new ConfigError(
      `${options.option ?? '--metrics'} ${options.host}:${options.port}: anybody who reaches this machine could read along`,
      {
        hint: 'set CTQ_METRICS_TOKEN, which Prometheus sends with "authorization: { credentials: … }", or listen on 127.0.0.1',
      },
    );
  }
  const server = createServer({ maxHeaderSize: 4096, requestTimeout: 5_000, headersTimeout: 5_000 }, (request, response) => {
    answer(options, request, response, exposed).catch((error: unknown) => {
      logger.error('Metrics: %s', error instanceof Error ? error.message : String(error));
      end(response, 500, 'text/plain; charset=utf-8', 'they could not be collected\n');
    });
  });
  server.maxConnections = 64;
  server.unref();
  const port = await listen(server, options);
  return { url: `${healthAddressText({ kind: 'port', host: options.host, port })}/metrics`, close: () => close(server) };
}

function listen(server: Server, { host, port, option = '--metrics' }: MetricsOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', ({ code, message }: NodeJS.ErrnoException) => {
      const where = healthAddressText({ kind: 'port', host, port }).replace('http://', '');
      reject(
        new OutputFileError(`${option}: cannot listen on ${where}: ${REASONS[code ?? ''] ?? message}`, { hint: 'choose another port' }),
      );
    });
    server.listen(port, host, () => {
      server.removeAllListeners('error');
      server.on('error', () => {}); // One connection that failed.
      resolve((server.address() as AddressInfo).port);
    });
  });
}

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'somebody else listens there',
  EADDRNOTAVAIL: 'this machine has no such address',
  ENOTFOUND: 'there is no such host',
  EACCES: 'it is not allowed',
  EPERM: 'it is not allowed',
};

async function answer({ token }: MetricsOptions, request: IncomingMessage, response: ServerResponse, exposed: Exposition): Promise<void> {
  const plain = 'text/plain; charset=utf-8';
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    end(response, 405, plain, 'only GET and HEAD\n', { allow: 'GET, HEAD' });
  } else if (token !== undefined && !isBearer(request.headers.authorization, token)) {
    end(response, 401, plain, 'a token is needed\n', { 'www-authenticate': 'Bearer' });
  } else if ((request.url ?? '').replace(/\?.*$/, '') !== '/metrics') {
    end(response, 404, plain, 'ask for /metrics\n');
  } else end(response, 200, exposed.contentType, await exposed.text());
}

function end(response: ServerResponse, status: number, type: string, body: string, headers: Readonly<Record<string, string>> = {}): void {
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store', connection: 'close', ...headers }).end(body);
}

async function close(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeAllConnections();
  await closed;
}
