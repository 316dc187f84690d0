/** File names in options and settings: `%` expansions, and relative to the working directory of the command. */
import { resolve } from 'node:path';
import { UsageError } from '../errors.js';
import { expandNodename, type NodenameContext, splitNodename } from '../protocol/nodename.js';

export interface PathContext extends NodenameContext {
  /** `celery@host.example.org`. */
  readonly nodename: string;
  readonly workdir: string;
}

/**
 * `log/%n%I.log` → `/srv/app/log/worker1.log`.
 *
 * @param what - The option or setting, for the error.
 * @throws ConfigError for an expansion that does not exist, {@link UsageError} for a name that is none, or would lead elsewhere.
 */
export function expandPath(pattern: string, what: string, context: PathContext): string {
  checkNames(pattern, what, context);
  const expanded = expandNodename(pattern, context.nodename, context);
  if (expanded === '' || expanded.includes('\0')) {
    throw new UsageError(`${what}: ${JSON.stringify(pattern)} is no file name`, { hint: `give ${what} a path` });
  }
  return resolve(context.workdir, expanded);
}

/** A node's name fills a gap in the path that somebody wrote; it may not be a path itself (RELIABILITY S9). */
function checkNames(pattern: string, what: string, { nodename }: PathContext): void {
  if (!/%[nhdp]/.test(pattern)) return;
  const { name = '', host } = splitNodename(nodename);
  const bad = [name, host].find((part) => /[/\\\0]/.test(part) || part === '.' || part === '..');
  if (bad === undefined) return;
  throw new UsageError(`${what}: the node name ${JSON.stringify(nodename)} may not be part of a file name`, {
    hint: 'choose a --hostname without slashes',
  });
}
