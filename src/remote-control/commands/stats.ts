/** A worker's figures, in Celery's shape (WIRE 10.5): Flower's worker page is made of them. */
import type { RemoteCommand, WorkerFigures } from '../command.js';
import { showSettings } from '../shown-settings.js';

export const stats: RemoteCommand = {
  name: 'stats',
  kind: 'inspect',
  summary: 'what workers have done, and with what: tasks, pool, broker, memory, time',
  handle(worker) {
    const figures = worker.figures();
    const autoscaler = worker.pool.autoscale?.info();
    return {
      total: figures.total,
      pid: worker.pid,
      // A text here, a number in `inspect clock`.
      clock: String(worker.clock.value),
      uptime: Math.floor(figures.uptimeS),
      pool: worker.pool.info(),
      ...(autoscaler === undefined ? {} : { autoscaler }),
      broker: brokerInfo(figures),
      prefetch_count: figures.prefetchCount,
      rusage: resourceUsage(),
    };
  },
};

/** kombu's `Connection.info()`; the password has gone before the URL came here. */
function brokerInfo({ brokerUrl, connectTimeoutS, heartbeatS, transportOptions }: WorkerFigures): Record<string, unknown> {
  const [first = '', ...alternates] = brokerUrl.split(';');
  const match = /^(?<scheme>[a-z][a-z0-9+.-]*):\/\/(?:(?<userinfo>[^@]*)@)?(?<authority>[^/?#]*)(?:\/(?<path>[^?#]*))?/i.exec(first);
  const { scheme = '', userinfo, authority = '', path = '' } = match?.groups ?? {};
  const port = /:(\d+)$/.exec(authority)?.[1];
  const user = userinfo?.split(':', 1)[0];
  const transport = scheme.toLowerCase().replace(/^rediss$/, 'redis');
  return {
    hostname: (port === undefined ? authority : authority.slice(0, -port.length - 1)) || null,
    userid: user === undefined || user === '' ? null : user,
    virtual_host: virtualHost(transport, path),
    port: port === undefined ? null : Number(port),
    insist: false,
    ssl: /^(rediss|amqps)$/i.test(scheme),
    transport,
    connect_timeout: connectTimeoutS,
    transport_options: showSettings(transportOptions),
    login_method: null,
    uri_prefix: null,
    heartbeat: heartbeatS,
    failover_strategy: 'round-robin',
    alternates,
    credential_provider: null,
  };
}

/** `getrusage` by its C names; memory in KiB, as Linux counts it. */
function resourceUsage(): Record<string, number> {
  const usage = process.resourceUsage();
  return {
    utime: usage.userCPUTime / 1e6,
    stime: usage.systemCPUTime / 1e6,
    maxrss: usage.maxRSS,
    ixrss: usage.sharedMemorySize,
    idrss: usage.unsharedDataSize,
    isrss: usage.unsharedStackSize,
    minflt: usage.minorPageFault,
    majflt: usage.majorPageFault,
    nswap: usage.swappedOut,
    inblock: usage.fsRead,
    oublock: usage.fsWrite,
    msgsnd: usage.ipcSent,
    msgrcv: usage.ipcReceived,
    nsignals: usage.signalsCount,
    nvcsw: usage.voluntaryContextSwitches,
    nivcsw: usage.involuntaryContextSwitches,
  };
}

/** As kombu writes it: AMQP's `/` stands for nothing, too, and is written as `%2F` in URLs. */
function virtualHost(transport: string, path: string): string {
  if (transport === 'redis') return path === '' ? '0' : path;
  return /amqp/.test(transport) ? path.replaceAll(/%2f/gi, '/') || '/' : path;
}
