/** Which URL is for which engine: the schemes of each, and tables of what serves them. */
import { closestName } from '../config/closest-name.js';
import { ConfigError } from '../errors.js';

export const redisSchemes: readonly string[] = ['redis', 'rediss', 'redis+socket', 'socket', 'sentinel'];
/** One transport here; `amqps` is the same over TLS (WIRE 6.9). */
export const amqpSchemes: readonly string[] = ['amqp', 'amqps', 'pyamqp', 'librabbitmq'];

/** In small letters; empty for a URL without one. */
export function schemeOf(url: string): string {
  return /^([a-z][a-z0-9+.-]*):\/\//i.exec(url)?.[1]?.toLowerCase() ?? '';
}

/** What serves which scheme. */
export class SchemeTable<Served> {
  /** In the order of the table, for messages and completions. */
  readonly schemes: readonly string[];
  readonly #served: ReadonlyMap<string, Served>;

  constructor(rows: readonly (readonly [schemes: readonly string[], served: Served])[]) {
    this.#served = new Map(rows.flatMap(([schemes, served]) => schemes.map((scheme) => [scheme, served] as const)));
    this.schemes = [...this.#served.keys()];
  }

  find(scheme: string): Served | undefined {
    return this.#served.get(scheme);
  }

  /**
   * The scheme that was probably meant.
   *
   * @returns `did you mean redis://?`, or undefined.
   */
  suggestion(scheme: string): string | undefined {
    const lookalike = closestName(scheme, this.schemes);
    return lookalike === undefined ? undefined : `did you mean ${lookalike}://?`;
  }

  /** @param what - `broker`, for the error. @throws ConfigError for a scheme that is not in the table. */
  get(url: string, what: string): Served {
    const scheme = schemeOf(url);
    const known = this.schemes.join(', ');
    if (scheme === '') throw new ConfigError(`the ${what} URL has no scheme`, { hint: `write it as scheme://…, with one of ${known}` });
    const served = this.find(scheme);
    if (served !== undefined) return served;
    throw new ConfigError(`no ${what} for ${scheme}://`, { hint: this.suggestion(scheme) ?? `known schemes: ${known}` });
  }
}
