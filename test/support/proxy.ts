/** A TCP proxy between a program and its server, for everything that networks do to them. */
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { atExit } from './cleanup.js';

/**
 * - `pass` lets everything through
 * - `swallow` accepts and forwards nothing, in both directions: a half-open connection, a dropped cable
 * - `refuse` resets new connections at once
 */
export type ProxyMode = 'pass' | 'swallow' | 'refuse';

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  /** Swallows although the mode lets new connections pass. */
  silent: boolean;
}

export class TcpProxy {
  readonly port: number;
  /** Each direction is held back this long. */
  delayMs = 0;
  #mode: ProxyMode = 'pass';
  readonly #listener: Server;
  readonly #target: number;
  readonly #pairs = new Set<Pair>();
  #accepted = 0;

  private constructor(listener: Server, target: number) {
    this.#listener = listener;
    this.#target = target;
    this.port = (listener.address() as AddressInfo).port;
    listener.on('connection', (client) => this.#accept(client));
    atExit(() => void this.close());
  }

  /** Listens on a free port of 127.0.0.1 and forwards to `targetPort` there. */
  static async start(targetPort: number): Promise<TcpProxy> {
    const listener = createServer({ pauseOnConnect: true });
    await new Promise<void>((resolve, reject) => {
      listener.once('error', reject);
      listener.listen(0, '127.0.0.1', resolve);
    });
    return new TcpProxy(listener, targetPort);
  }

  get mode(): ProxyMode {
    return this.#mode;
  }

  /** What was swallowed stays lost: after `swallow`, cut the connections before passing again, as a real network ends up doing. */
  set mode(mode: ProxyMode) {
    this.#mode = mode;
  }

  /** Connections that are open now. */
  get connections(): number {
    return this.#pairs.size;
  }

  /** Connections ever accepted: tells a test that somebody came back. */
  get accepted(): number {
    return this.#accepted;
  }

  /** Resets (RST) all connections; new ones follow the mode. */
  cut(): void {
    for (const { client, server } of [...this.#pairs]) {
      client.resetAndDestroy();
      server.resetAndDestroy();
    }
    this.#pairs.clear();
  }

  /** Those open now fall silent for ever, as behind a firewall that forgot them; new ones follow the mode. */
  silence(): void {
    for (const pair of this.#pairs) pair.silent = true;
  }

  /** Ends all connections in order (FIN), as a server that goes down for maintenance. */
  hangUp(): void {
    for (const { client, server } of [...this.#pairs]) {
      client.end();
      server.end();
    }
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise<void>((resolve) => this.#listener.close(() => resolve()));
  }

  #accept(client: Socket): void {
    this.#accepted++;
    if (this.#mode === 'refuse') {
      client.resetAndDestroy();
      return;
    }
    const server = connect(this.#target, '127.0.0.1');
    const pair: Pair = { client, server, silent: false };
    this.#pairs.add(pair);
    this.#forward(client, server, pair);
    this.#forward(server, client, pair);
    client.resume();
  }

  #swallows(pair: Pair): boolean {
    return pair.silent || this.#mode === 'swallow';
  }

  #forward(from: Socket, to: Socket, pair: Pair): void {
    from.setNoDelay(true);
    from.on('data', (chunk: Buffer) => {
      if (this.#swallows(pair)) return;
      if (this.delayMs > 0) setTimeout(() => to.write(chunk), this.delayMs);
      else if (!to.write(chunk)) {
        from.pause();
        to.once('drain', () => from.resume());
      }
    });
    from.on('end', () => {
      if (!this.#swallows(pair)) setTimeout(() => to.end(), this.delayMs);
    });
    from.on('error', () => to.resetAndDestroy());
    from.on('close', () => {
      this.#pairs.delete(pair);
      if (!this.#swallows(pair)) setTimeout(() => to.destroy(), this.delayMs);
    });
  }
}
