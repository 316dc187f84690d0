/** Says every two seconds that this worker is there, and how busy it is (WIRE 11.3). */
import { loadavg, type as systemType } from 'node:os';
import type { Clock, TimerHandle } from '../clock.js';
import type { EventDispatcher } from '../events/dispatcher.js';
import type { EventFields } from '../protocol/events.js';
import type { Signals } from '../signals.js';
import { CTQ_VERSION } from '../version.js';

export const DEFAULT_INTERVAL_S = 2;
/** What Celery promises with the heartbeat that somebody asked for. */
const ON_REQUEST_S = 5;

const SOFTWARE: EventFields = { sw_ident: 'ctq', sw_ver: CTQ_VERSION, sw_sys: systemType() };

export interface HeartbeatOptions {
  readonly events: EventDispatcher;
  readonly clock: Clock;
  readonly signals: Signals;
  readonly nodename: string;
  readonly intervalS: number;
  /** What runs now, and how much has begun. */
  readonly load: () => { readonly active: number; readonly processed: number };
}

export class Heartbeat {
  readonly #options: HeartbeatOptions;
  #timer: TimerHandle | undefined;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
  }

  start(): void {
    this.#send('worker-online');
    this.#arm();
  }

  stop(): void {
    if (this.#timer === undefined) return;
    this.#timer.cancel();
    this.#timer = undefined;
    this.#send('worker-offline');
  }

  #arm(): void {
    const { clock, intervalS } = this.#options;
    this.#timer = clock
      .setTimeout(() => {
        this.#arm();
        this.#send('worker-heartbeat');
      }, intervalS * 1000)
      .unref();
  }

  #send(type: string): void {
    const { events, intervalS, load, signals, nodename } = this.#options;
    if (signals.heartbeatSent.connected) void signals.heartbeatSent.send({ sender: nodename });
    const { active, processed } = load();
    events.send(type, { freq: intervalS, active, processed, loadavg: loadavg().map(twoDecimals), ...SOFTWARE });
  }
}

/** The one that was asked for, by `control heartbeat`: a monitor that connects wants to see who is there. */
export function sendRequestedHeartbeat(events: EventDispatcher): void {
  events.send('worker-heartbeat', { freq: ON_REQUEST_S, ...SOFTWARE });
}

function twoDecimals(load: number): number {
  return Math.round(load * 100) / 100;
}
