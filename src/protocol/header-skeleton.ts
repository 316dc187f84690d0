/**
 * Headers → text, at the price of what is new in them. The calls of one sender differ in four headers; what stands
 * between these is written once and used again as long as all others are the very same values.
 */
import { stringifyJson } from './kombu-json.js';

/** What is different in nearly every call (WIRE 3.3): texts, all of them. */
const OWN = ['id', 'root_id', 'argsrepr', 'kwargsrepr'] as const;

/** Of calls that do not look like the one before, each so-manieth is remembered: it may be the first of many. */
const SELDOM = 8;

interface Skeleton {
  readonly names: readonly string[];
  /** The headers that must be the same, and what they are. */
  readonly common: readonly string[];
  readonly values: readonly unknown[];
  /** Before, between and behind {@link OWN}. */
  readonly texts: readonly [string, string, string, string, string];
}

type Headers = Readonly<Record<string, unknown>>;

export class HeaderSkeletons {
  #skeleton: Skeleton | undefined;
  #misses = 0;

  /** The same as `stringifyJson(headers)`. @throws ProtocolError for what JSON cannot hold. */
  write(headers: Headers): string {
    const skeleton = this.#skeleton;
    if (skeleton !== undefined && fits(skeleton, headers)) {
      const [first, second, third, fourth, last] = skeleton.texts;
      const { id, root_id: rootId, argsrepr, kwargsrepr } = headers as Readonly<Record<string, string>>;
      const idText = JSON.stringify(id);
      const rootText = rootId === id ? idText : JSON.stringify(rootId);
      return `${first}${idText}${second}${rootText}${third}${JSON.stringify(argsrepr)}${fourth}${JSON.stringify(kwargsrepr)}${last}`;
    }
    const text = stringifyJson(headers);
    if (this.#misses % SELDOM === 0) this.#skeleton = skeletonOf(headers, text) ?? skeleton;
    this.#misses += 1;
    return text;
  }
}

function fits({ names, common, values }: Skeleton, headers: Headers): boolean {
  for (let index = 0; index < common.length; index += 1) {
    if (!Object.is(headers[common[index] as string], values[index])) return false;
  }
  for (const name of OWN) if (typeof headers[name] !== 'string') return false;
  let index = 0;
  for (const name in headers) {
    if (name !== names[index]) return false;
    index += 1;
  }
  return index === names.length;
}

/** @param text - What `headers` are written as: a skeleton that would write them differently is none. */
function skeletonOf(headers: Headers, text: string): Skeleton | undefined {
  const names = Object.keys(headers);
  const texts: string[] = [];
  const common: string[] = [];
  let before = '{';
  for (const name of names) {
    if (before.length > 1 || texts.length > 0) before += ',';
    before += `${JSON.stringify(name)}:`;
    if (name === OWN[texts.length]) {
      texts.push(before);
      before = '';
      continue;
    }
    const value = headers[name];
    // What can be changed from within is the same and yet another.
    if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) return undefined;
    common.push(name);
    before += stringifyJson(value);
  }
  texts.push(`${before}}`);
  if (texts.length !== OWN.length + 1) return undefined;
  const skeleton = { names, common, values: common.map((name) => headers[name]), texts: texts as unknown as Skeleton['texts'] };
  const [first, second, third, fourth, last] = skeleton.texts;
  const own = OWN.map((name) => JSON.stringify(headers[name]));
  return `${first}${own[0]}${second}${own[1]}${third}${own[2]}${fourth}${own[3]}${last}` === text ? skeleton : undefined;
}
