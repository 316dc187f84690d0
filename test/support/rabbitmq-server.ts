/** A real RabbitMQ node of a test's own: private ports, node name, folder and epmd, gone afterwards. */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { findOnPath } from './find-on-path.js';
import { OwnedProcess } from './owned-process.js';
import { freePort, onFreePorts } from './redis-server.js';
import { tmpFolder } from './tmp.js';

export interface RabbitOptions {
  /** Further lines of rabbitmq.conf, e.g. `['vm_memory_high_watermark.absolute = 100MB']`. */
  readonly config?: readonly string[];
  /** The management plugin, on a port of its own; the node then needs some two seconds more to start. */
  readonly management?: 'on' | 'off';
}

/** Debian's `rabbitmq-server` on PATH changes the user; the program behind it does not. */
const SERVER_PLACES = [
  '/usr/lib/rabbitmq/bin/rabbitmq-server',
  '/opt/homebrew/opt/rabbitmq/sbin/rabbitmq-server',
  '/usr/local/opt/rabbitmq/sbin/rabbitmq-server',
];
const ERL_CALL_PLACES = ['/usr/lib/erlang/bin/erl_call', '/opt/homebrew/lib/erlang/bin/erl_call', '/usr/local/lib/erlang/bin/erl_call'];
const START_LIMIT_MS = 60_000;
const run = promisify(execFile);

/** The program, or undefined when it or one of Erlang's that we need is missing. */
export function findRabbitServer(): string | undefined {
  const server = SERVER_PLACES.find((path) => existsSync(path)) ?? findOnPath('rabbitmq-server');
  return findOnPath('epmd') === undefined || findErlCall() === undefined ? undefined : server;
}

function findErlCall(): string | undefined {
  return findOnPath('erl_call') ?? ERL_CALL_PLACES.find((path) => existsSync(path));
}

/** What it takes to talk to a node. */
export interface RabbitAccess {
  readonly port: number;
  readonly epmdPort: number;
  readonly cookie: string;
  /** Whose Erlang cookie lies there. */
  readonly folder: string;
}

/** A node that runs, whoever started it. */
export class RabbitNode {
  readonly access: RabbitAccess;
  #vhosts = 0;
  #calls = 0;

  constructor(access: RabbitAccess) {
    this.access = access;
  }

  get port(): number {
    return this.access.port;
  }

  get folder(): string {
    return this.access.folder;
  }

  /** The virtual host `/` as guest. */
  get url(): string {
    return this.urlOf('/');
  }

  urlOf(vhost: string): string {
    return `amqp://guest:guest@127.0.0.1:${this.port}/${vhost === '/' ? '%2F' : encodeURIComponent(vhost)}`;
  }

  /** Makes an empty virtual host and returns its URL: some 50 ms, where a node takes seconds. */
  async freshVhost(): Promise<string> {
    this.#vhosts += 1;
    const name = `v${process.pid}x${this.#vhosts}`;
    await this.erlang(
      `{ok, rabbit_vhost:add(<<"${name}">>, <<"ctq">>), rabbit_auth_backend_internal:set_permissions(<<"guest">>, <<"${name}">>, <<".*">>, <<".*">>, <<".*">>, <<"ctq">>)}.`,
    );
    return this.urlOf(name);
  }

  /** Evaluates an Erlang expression, with its full stop, in the node; returns what it prints. */
  async erlang(expression: string): Promise<string> {
    const program = findErlCall();
    if (program === undefined) throw new Error('erl_call is missing');
    // Under its usual name, which is always the same, the node would take it for the call before, which has just left.
    this.#calls += 1;
    const name = `call${process.pid}x${this.#calls}`;
    const call = run(program, ['-h', name, '-c', this.access.cookie, '-n', this.nodeName, '-e'], {
      env: this.erlangEnvironment(),
      timeout: 20_000,
    });
    call.child.stdin?.end(`${expression}\n`);
    const { stdout } = await call;
    if (!stdout.startsWith('{ok,')) throw new Error(`the node did not understand ${expression}: ${stdout}`);
    return stdout;
  }

  /** Somebody else's, or ended by {@link RabbitServer.stop}. */
  async stop(): Promise<void> {}

  protected get nodeName(): string {
    return `ctq${this.port}@localhost`;
  }

  protected erlangEnvironment(): NodeJS.ProcessEnv {
    const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('RABBITMQ_') && !name.startsWith('ERL_'));
    return {
      ...Object.fromEntries(inherited),
      HOME: this.folder,
      ERL_EPMD_PORT: String(this.access.epmdPort),
      ERL_EPMD_ADDRESS: '127.0.0.1',
    };
  }
}

export class RabbitServer extends RabbitNode {
  readonly managementPort: number | undefined;
  readonly #options: RabbitOptions;
  readonly #distributionPort: number;
  #epmd: OwnedProcess | undefined;
  #process: OwnedProcess | undefined;

  constructor(
    ports: { readonly amqp: number; readonly epmd: number; readonly distribution: number; readonly management: number },
    options: RabbitOptions,
  ) {
    super({ port: ports.amqp, epmdPort: ports.epmd, cookie: `ctq${randomBytes(12).toString('hex')}`, folder: tmpFolder() });
    this.managementPort = options.management === 'on' ? ports.management : undefined;
    this.#distributionPort = ports.distribution;
    this.#options = options;
    this.#writeFiles();
  }

  get log(): string {
    return this.#process?.output ?? '';
  }

  async start(): Promise<void> {
    const [program, epmd] = [findRabbitServer(), findOnPath('epmd')];
    if (program === undefined || epmd === undefined) {
      throw new Error('rabbitmq-server is missing: run "node tools/setup.mjs --test", or guard the suite with describeWith("rabbitmq", …)');
    }
    const env = this.#environment();
    this.#epmd ??= new OwnedProcess(epmd, ['-address', '127.0.0.1', '-port', String(this.access.epmdPort)], { env });
    await this.#epmdAnswers(epmd);
    const server = new OwnedProcess(program, [], { cwd: this.folder, env });
    this.#process = server;
    try {
      await server.waitForOutput(/Server startup complete/, START_LIMIT_MS);
    } catch (error) {
      server.killGroup();
      throw error;
    }
  }

  /** As an administrator: durable queues and persistent messages stay. */
  override async stop(): Promise<void> {
    await this.#process?.stop('SIGTERM');
    this.#process = undefined;
    await this.#epmd?.kill();
    this.#epmd = undefined;
  }

  /** SIGKILL, as a crash. */
  async kill(): Promise<void> {
    await this.#process?.kill();
    this.#process = undefined;
  }

  async restart(): Promise<void> {
    await this.#process?.stop('SIGTERM');
    await this.start();
  }

  #writeFiles(): void {
    mkdirSync(join(this.folder, 'log'));
    writeFileSync(join(this.folder, '.erlang.cookie'), this.access.cookie);
    chmodSync(join(this.folder, '.erlang.cookie'), 0o400);
    const management =
      this.managementPort === undefined ? [] : ['management.tcp.ip = 127.0.0.1', `management.tcp.port = ${this.managementPort}`];
    const lines = [
      `listeners.tcp.default = 127.0.0.1:${this.port}`,
      'log.console = true',
      'log.file = false',
      'disk_free_limit.absolute = 1MB',
      'vm_memory_high_watermark.absolute = 2GB',
      ...management,
      ...(this.#options.config ?? []),
    ];
    writeFileSync(join(this.folder, 'rabbitmq.conf'), `${lines.join('\n')}\n`);
    writeFileSync(join(this.folder, 'enabled_plugins'), this.managementPort === undefined ? '[].' : '[rabbitmq_management].');
  }

  #environment(): NodeJS.ProcessEnv {
    return {
      ...this.erlangEnvironment(),
      RABBITMQ_BASE: this.folder,
      RABBITMQ_NODENAME: this.nodeName,
      RABBITMQ_MNESIA_BASE: join(this.folder, 'mnesia'),
      RABBITMQ_LOG_BASE: join(this.folder, 'log'),
      RABBITMQ_CONFIG_FILE: join(this.folder, 'rabbitmq.conf'),
      RABBITMQ_CONF_ENV_FILE: '/dev/null',
      RABBITMQ_ENABLED_PLUGINS_FILE: join(this.folder, 'enabled_plugins'),
      RABBITMQ_DIST_PORT: String(this.#distributionPort),
      // Schedulers that spin while they wait take the cores from the test.
      RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1} +sbwt none +sbwtdcpu none +sbwtdio none',
    };
  }

  async #epmdAnswers(epmd: string): Promise<void> {
    const deadlineMs = performance.now() + 10_000;
    for (;;) {
      const answer = await run(epmd, ['-names'], { env: this.#environment() }).then(
        () => true,
        () => false,
      );
      if (answer) return;
      if (performance.now() > deadlineMs) throw new Error(`epmd does not answer:\n${this.#epmd?.output ?? ''}`);
      await delay(10);
    }
  }
}

/** Starts a node on free private ports; some five seconds. Share it within a test file, and give each test a {@link RabbitServer.freshVhost}. */
export function startRabbit(options: RabbitOptions = {}): Promise<RabbitServer> {
  return onFreePorts(async () => {
    const ports = { amqp: await freePort(), epmd: await freePort(), distribution: await freePort(), management: await freePort() };
    const server = new RabbitServer(ports, options);
    try {
      await server.start();
      return server;
    } catch (error) {
      await server.stop();
      throw error;
    }
  });
}
