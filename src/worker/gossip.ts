/**
 * What workers tell each other while they run (WIRE 12.2, 12.3): who is there, so that a silent one is
 * noticed, and elections, in which all of them choose the same one of themselves. Python's workers count
 * on an answer from everybody they believe alive, and one that stands alone as a candidate dies of it.
 */
import { ClusterState, isAlive } from '../events/cluster-state.js';
import type { EventDispatcher } from '../events/dispatcher.js';
import type { ReceivedEvent } from '../events/receiver.js';
import type { Clock, TimerHandle } from '../clock.js';
import type { Logger } from '../logger.js';

/** Celery looks for silent workers this often. */
const WATCH_MS = 5_000;
/** Elections that never come to an end are forgotten. */
const MOST_ELECTIONS = 100;

export interface GossipOptions {
  readonly events: EventDispatcher;
  readonly nodename: string;
  readonly pid: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Does what the elected one shall do for topic `task`: sends this signature. */
  readonly callTask: (signature: unknown) => Promise<void>;
}

interface Candidate {
  readonly clock: number;
  /** `node.pid` */
  readonly leader: string;
  readonly topic: string;
  readonly action: unknown;
}

interface Election {
  readonly candidates: Candidate[];
  acks: number;
  /** We were asked to take part, not only to listen. */
  ours: boolean;
}

export class Gossip {
  readonly #options: GossipOptions;
  readonly #state = new ClusterState({ maxTasks: 0 });
  readonly #elections = new Map<string, Election>();
  #timer: TimerHandle | undefined;
  #hasNamesake = false;

  constructor(options: GossipOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer = this.#options.clock.setTimeout(() => this.#watch(), WATCH_MS).unref();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** `control election`: stand as a candidate. */
  elect(id: string, topic: string, action: unknown): void {
    this.#election(id).ours = true;
    this.#options.events.send('worker-elect', { id, topic, action, cver: 1 });
  }

  /** An event of a worker, our own among them. */
  hear(event: ReceivedEvent): void {
    switch (event.type) {
      case 'worker-elect':
        this.#heardCandidate(event);
        break;
      case 'worker-elect-ack':
        this.#heardAck(event);
        break;
      default:
        if (event.hostname !== this.#options.nodename) this.#state.event(event);
        else if (event.type !== 'worker-offline') this.#lookForNamesake(event.pid);
    }
  }

  /** Two of one name share a mailbox on most brokers: a command reaches one of them, and says so for both. */
  #lookForNamesake(pid: unknown): void {
    const { nodename, pid: own, logger } = this.#options;
    if (this.#hasNamesake || typeof pid !== 'number' || pid === own) return;
    this.#hasNamesake = true;
    logger.warning('Another worker (process %d) has the node name %s, too: give each a name of its own with -n', pid, nodename);
  }

  #heardCandidate({ id, clock, hostname, pid, topic, action }: ReceivedEvent): void {
    if (typeof id !== 'string' || typeof hostname !== 'string' || typeof topic !== 'string') return;
    const { candidates } = this.#election(id);
    if (candidates.length >= 10_000) return;
    candidates.push({ clock, leader: `${hostname}.${String(pid)}`, topic, action });
    this.#options.events.send('worker-elect-ack', { id });
  }

  #heardAck({ id, local_received: nowS }: ReceivedEvent): void {
    const election = typeof id === 'string' ? this.#elections.get(id) : undefined;
    if (election === undefined || typeof id !== 'string' || !election.ours) return;
    election.acks += 1;
    if (election.acks < this.#state.alive(nowS).length) return;
    this.#elections.delete(id);
    const winner = [...election.candidates].sort(firstWins)[0];
    if (winner !== undefined) this.#elected(id, winner);
  }

  #elected(id: string, { leader, topic, action }: Candidate): void {
    const { logger, nodename, pid, callTask } = this.#options;
    if (leader !== `${nodename}.${pid}`) {
      logger.info('node %s elected for %s', leader, id);
      return;
    }
    logger.info('I won the election %s', id);
    if (topic !== 'task') logger.error('Unknown election topic %s', topic);
    else callTask(action).catch((error: unknown) => logger.error('Could not call task: %s', String(error)));
  }

  #election(id: string): Election {
    let election = this.#elections.get(id);
    if (election === undefined) {
      election = { candidates: [], acks: 0, ours: false };
      this.#elections.set(id, election);
      for (const oldest of this.#elections.keys()) {
        if (this.#elections.size <= MOST_ELECTIONS) break;
        this.#elections.delete(oldest);
      }
    }
    return election;
  }

  #watch(): void {
    const { clock, logger } = this.#options;
    this.#timer = clock.setTimeout(() => this.#watch(), WATCH_MS).unref();
    for (const [nodename, worker] of this.#state.workers) {
      if (isAlive(worker, clock.nowMs() / 1000)) continue;
      // One that said goodbye is not missed.
      if (worker.lastHeardS !== null) logger.info('missed heartbeat from %s', nodename);
      this.#state.workers.delete(nodename);
    }
  }
}

/** By clock, then by name: every worker must come to the same result (kombu/clocks.py, sort_heap). */
function firstWins(a: Candidate, b: Candidate): number {
  if (a.clock !== b.clock) return a.clock - b.clock;
  return a.leader < b.leader ? -1 : a.leader > b.leader ? 1 : 0;
}
