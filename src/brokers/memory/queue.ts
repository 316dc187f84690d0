/** One queue of the memory broker: a double-ended list for each priority step. */
import type { Message } from '../../protocol/message.js';
import { PRIORITY_STEPS, priorityStep } from '../priority.js';

export interface QueuedMessage {
  readonly message: Message;
  readonly redeliveryCount: number;
}

/** Both ends in constant time: what was put back to the front is a stack, the rest a list with a moving head. */
class Lane {
  #front: QueuedMessage[] = [];
  #rest: QueuedMessage[] = [];
  #head = 0;

  get size(): number {
    return this.#front.length + this.#rest.length - this.#head;
  }

  pushBack(item: QueuedMessage): void {
    this.#rest.push(item);
  }

  pushFront(item: QueuedMessage): void {
    this.#front.push(item);
  }

  shift(): QueuedMessage | undefined {
    const first = this.#front.pop() ?? this.#rest[this.#head++];
    if (this.#head >= this.#rest.length) {
      this.#rest = [];
      this.#head = 0;
    } else if (this.#head > 1_024 && this.#head * 2 > this.#rest.length) {
      this.#rest = this.#rest.slice(this.#head);
      this.#head = 0;
    }
    return first;
  }
}

export class MemoryQueue {
  readonly name: string;
  #lanes = PRIORITY_STEPS.map(() => new Lane());

  constructor(name: string) {
    this.name = name;
  }

  get size(): number {
    return this.#lanes.reduce((sum, lane) => sum + lane.size, 0);
  }

  pushBack(item: QueuedMessage): void {
    this.#lane(item).pushBack(item);
  }

  pushFront(item: QueuedMessage): void {
    this.#lane(item).pushFront(item);
  }

  /** The next message of the step number `step`. */
  shift(step: number): QueuedMessage | undefined {
    const lane = this.#lanes[step];
    return lane === undefined || lane.size === 0 ? undefined : lane.shift();
  }

  clear(): number {
    const { size } = this;
    this.#lanes = PRIORITY_STEPS.map(() => new Lane());
    return size;
  }

  #lane({ message }: QueuedMessage): Lane {
    const index = PRIORITY_STEPS.indexOf(priorityStep(message.properties.priority) as (typeof PRIORITY_STEPS)[number]);
    return this.#lanes[index] as Lane;
  }
}
