/** `app.events`: the events of a cluster for whoever wants to watch it, with what they add up to. */
import type { Broker } from '../broker.js';
import type { Clock } from '../clock.js';
import type { Settings } from '../config/settings.js';
import { LamportClock } from '../protocol/lamport-clock.js';
import { eventQueueLimits, type EventQueueSettings } from '../protocol/own-queue.js';
import type { MessageSecurity } from '../protocol/signing.js';
import { ClusterState, type ClusterStateOptions } from './cluster-state.js';
import { EventReceiver, type ReceivedEvent } from './receiver.js';

/** Which events are heard, and how much of them is remembered. */
export interface ReceiveOptions extends ClusterStateOptions {
  /** Only events sent under keys like this one: `task.#`, `worker.heartbeat`. Default `#`, everything. */
  readonly routingKey?: string;
  /** Messages on the event exchange that are none. */
  readonly onProblem?: (error: unknown) => void;
}

/** A running capture. */
export interface EventStream {
  /** What the events so far add up to. */
  readonly state: ClusterState;
  close(): Promise<void>;
}

export interface EventsParts {
  readonly broker: () => Promise<Broker>;
  readonly settings: () => Pick<Settings, 'eventExchange' | 'eventQueuePrefix' | 'eventQueueTtl' | 'eventSerializer'> & EventQueueSettings;
  readonly security: () => MessageSecurity | undefined;
  readonly clock: Clock;
  /** Asks every worker to show itself, as monitors do when they connect. */
  readonly wakeUp: () => Promise<unknown>;
}

/** `app.events`: what workers and tasks tell of themselves while they run, Python's as well. */
export class Events {
  private readonly parts: EventsParts;

  constructor(parts: EventsParts) {
    this.parts = parts;
  }

  /**
   * Calls back with each event, in order, until the stream is closed; `stream.state` knows what they add
   * up to. Workers are asked to show themselves at once.
   *
   * @throws BrokerError when the broker cannot be reached.
   */
  async receive(onEvent: (event: ReceivedEvent) => void, options: ReceiveOptions = {}): Promise<EventStream> {
    const { parts } = this;
    const settings = parts.settings();
    const { eventExchange, eventQueuePrefix, eventQueueTtl, eventSerializer } = settings;
    const state = new ClusterState(options);
    const receiver = new EventReceiver({
      broker: await parts.broker(),
      exchange: eventExchange,
      queuePrefix: eventQueuePrefix,
      limits: eventQueueLimits(settings, eventQueueTtl),
      serializer: eventSerializer,
      security: parts.security(),
      routingKey: options.routingKey ?? '#',
      clock: parts.clock,
      lamport: new LamportClock(),
      onEvent: (event) => {
        state.event(event);
        onEvent(event);
      },
      ...(options.onProblem === undefined ? {} : { onProblem: options.onProblem }),
    });
    await receiver.open();
    await parts.wakeUp();
    return { state, close: () => receiver.close() };
  }
}
