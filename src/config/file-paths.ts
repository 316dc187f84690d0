/** File names in options and settings: `%` expansions, and relative to the working directory of the command. */
import { resolve } from 'node:path';
import { UsageError } from '../errors.js';
import { expandNodename, type NodenameContext } from '../protocol/nodename.js';

export interface PathContext extends NodenameContext {
  /** `celery@host.example.org`. */
  readonly nodename: string;
  readonly workdir: string;
}

/**
 * `log/%n%I.log` → `/srv/app/log/worker1.log`.
 *
 * @param what - The option or setting, for the error.
 * @throws ConfigError for an expansion that does not exist, {@link UsageError} for a name that is none.
 */
export function expandPath(pattern: string, what: string, context: PathContext): string {
  const expanded = expandNodename(pattern, context.nodename, context);
  if (expanded === '' || expanded.includes('\0')) {
    throw new UsageError(`${what}: ${JSON.stringify(pattern)} is no file name`, { hint: `give ${what} a path` });
  }
  return resolve(context.workdir, expanded);
}
