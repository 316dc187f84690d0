/** Whether a Redis speaks in clear where TLS was asked for: it leaves the first words of TLS without an answer, or hangs up. */
import { connect } from 'node:net';
import type { Clock } from '../clock.js';

/** An answer of Redis or Valkey to PING, before and after somebody has logged in. */
const REDIS_ANSWER = /^(\+PONG|-NOAUTH|-DENIED|-LOADING|-NOPERM|-ERR)/;

/** Says nothing but PING, no name and no password. Resolves with true when that is answered in clear within the time. */
export function speaksInClear(
  { host, port }: { readonly host: string; readonly port: number },
  limitMs: number,
  clock: Clock,
): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const done = (clear: boolean): void => {
      timer.cancel();
      socket.destroy();
      resolve(clear);
    };
    const timer = clock.setTimeout(() => done(false), limitMs);
    socket.once('connect', () => socket.write('PING\r\n'));
    socket.once('data', (bytes) => done(REDIS_ANSWER.test(bytes.toString('latin1'))));
    socket.once('error', () => done(false));
    socket.once('close', () => done(false));
  });
}
