/** Which bindings a publish reaches: AMQP's rules, kept here for the engines that have no server to keep them. */
import type { ExchangeType } from '../broker.js';

/**
 * Fanout bindings with a key take only what matches it: so do kombu's Redis channels, which is how an
 * event listener asks for `worker.#` on an exchange that is fanout there (WIRE 6.6).
 */
export function bindingMatches(type: ExchangeType, bindingKey: string, routingKey: string): boolean {
  if (type === 'direct') return bindingKey === routingKey;
  if (type === 'fanout' && bindingKey === '') return true;
  return topicMatches(bindingKey, routingKey);
}

/** `*` stands for exactly one word, `#` for any number of them, none included. */
export function topicMatches(pattern: string, routingKey: string): boolean {
  if (pattern === '#' || pattern === routingKey) return true;
  return wordsMatch(pattern.split('.'), routingKey.split('.'));
}

/** Row by row over the words, so that a pattern full of `#` costs words × words and not 2^words. */
function wordsMatch(pattern: readonly string[], words: readonly string[]): boolean {
  let reachable = new Array<boolean>(words.length + 1).fill(false);
  reachable[0] = true;
  for (const part of pattern) {
    const next = new Array<boolean>(words.length + 1).fill(false);
    if (part === '#') {
      let any = false;
      for (let index = 0; index <= words.length; index += 1) {
        any ||= reachable[index] === true;
        next[index] = any;
      }
    } else {
      for (let index = 0; index < words.length; index += 1) {
        if (reachable[index] === true && (part === '*' || part === words[index])) next[index + 1] = true;
      }
    }
    reachable = next;
  }
  return reachable[words.length] === true;
}
