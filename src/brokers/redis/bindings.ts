/**
 * Which queues an exchange leads to. kombu keeps that in sets, one per exchange, whose members are
 * `routing key SEP pattern SEP queue` (WIRE 6.1); the pattern, a Python regular expression, is
 * written for Python's sake and never run here: it came over the wire.
 */
import type { ExchangeType, Queue } from '../../broker.js';
import type { RedisLayout } from './keys.js';

export interface Binding {
  readonly routingKey: string;
  /** Empty for direct and fanout exchanges. */
  readonly pattern: string;
  readonly queue: string;
}

export function bindingMember(layout: RedisLayout, queue: Queue): string {
  const pattern = queue.exchange.type === 'topic' ? topicPattern(queue.routingKey) : '';
  return [queue.routingKey, pattern, queue.name].join(layout.separator);
}

export function parseBinding(layout: RedisLayout, member: string): Binding | undefined {
  const [routingKey, pattern, queue] = member.split(layout.separator);
  return routingKey === undefined || pattern === undefined || queue === undefined || queue === ''
    ? undefined
    : { routingKey, pattern, queue };
}

/** The queues that a message reaches, each once, as kombu's exchange classes find them (kombu virtual/exchange.py). */
export function boundQueues(bindings: readonly Binding[], type: ExchangeType | 'unknown', routingKey: string): string[] {
  const found = bindings.filter((binding) => {
    const byPattern = type === 'topic' || (type === 'unknown' && binding.pattern !== '');
    return byPattern ? kombuTopicMatches(binding.routingKey, routingKey) : binding.routingKey === routingKey;
  });
  return [...new Set(found.map((binding) => binding.queue))].sort();
}

/** As kombu writes it: everything but letters, digits and the three characters of topics is escaped (`escape_regex`). */
function topicPattern(routingKey: string): string {
  const escaped = routingKey.replaceAll(/[^\p{L}\p{N}.#*]/gu, (character) => (character === '\0' ? '\\000' : `\\${character}`));
  const words = escaped.split('.').map((word) => (word === '*' ? '.*?[^\\.]' : word === '#' ? '.*?' : word));
  return `^${words.join('\\.')}$`;
}

/**
 * What kombu's pattern matches, in linear time. It is looser than AMQP: `*` takes any text that does
 * not end with a dot, several words too, and `#` any text, but the dots around them must be there.
 * Both ends must agree on where a message goes, so we are as loose.
 */
export function kombuTopicMatches(bindingKey: string, routingKey: string): boolean {
  const words = bindingKey.split('.');
  // reachable[i]: the words so far can match the first i characters.
  let reachable = new Set([0]);
  for (const [index, word] of words.entries()) {
    if (index > 0) reachable = step(reachable, (at) => (routingKey[at] === '.' ? [at + 1] : []));
    if (word === '#' || word === '*') {
      const from = Math.min(...reachable);
      reachable = new Set();
      if (!Number.isFinite(from)) return false;
      for (let at = word === '#' ? from : from + 1; at <= routingKey.length; at += 1) {
        if (word === '#' || routingKey[at - 1] !== '.') reachable.add(at);
      }
    } else {
      reachable = step(reachable, (at) => (routingKey.startsWith(word, at) ? [at + word.length] : []));
    }
    if (reachable.size === 0) return false;
  }
  return reachable.has(routingKey.length);
}

function step(from: ReadonlySet<number>, next: (at: number) => readonly number[]): Set<number> {
  const to = new Set<number>();
  for (const at of from) for (const reached of next(at)) to.add(reached);
  return to;
}
