/** Names of workers and clients, `name@host`, and the `%` expansions in names and file paths (WIRE 1.1). */
import { ConfigError } from '../errors.js';

const DEFAULT_NAME = 'celery';

/** Where a name is expanded; all of it passed in, so that names can be computed anywhere. */
export interface NodenameContext {
  /** The machine's host name. */
  readonly hostname: string;
  readonly pid: number;
  /** Index of the pool process; 0 or absent in the parent. */
  readonly processIndex?: number;
}

/** `gen<pid>@<host>`: how a client calls itself in `origin` and in its events. */
export function anonymousNodename(context: NodenameContext): string {
  return `gen${context.pid}@${context.hostname}`;
}

/**
 * The node name for a `--hostname` option: none gives `celery@<host>`, `foo` gives `foo@<host>`, and a
 * name with an `@` is taken as it is; in all of them `%h %n %d` and the others are filled in.
 */
export function resolveNodename(option: string | undefined, context: NodenameContext): string {
  const given = option === undefined || option === '' ? DEFAULT_NAME : option;
  const at = given.indexOf('@');
  const name = at < 0 ? given : given.slice(0, at);
  const host = at < 0 ? context.hostname : given.slice(at + 1);
  const self = `${name === '' ? DEFAULT_NAME : name}@${host === '' ? context.hostname : host}`;
  // In its own name the host parts mean the machine: `w1@%h` is the machine's host, not `%h`.
  const machine = `${firstLabel(context.hostname)}@${context.hostname}`;
  return expand(self, { ...fields(machine, context), p: undefined });
}

/** `name@host` → its two halves; a text without `@` is all host. */
export function splitNodename(nodename: string): { readonly name: string | undefined; readonly host: string } {
  const at = nodename.indexOf('@');
  return at < 0 ? { name: undefined, host: nodename } : { name: nodename.slice(0, at), host: nodename.slice(at + 1) };
}

/**
 * Fills in a path or a text for a node: `%n` name, `%h` host, `%d` domain, `%p` the whole node name,
 * `%i` and `%I` the pool process, `%P` the pid (ours: in Celery `%p` is often taken for it), `%%`.
 *
 * @throws ConfigError for any other letter after `%`.
 */
export function expandNodename(template: string, nodename: string, context: NodenameContext): string {
  return expand(template, fields(nodename, context));
}

type Fields = Readonly<Record<string, string | undefined>>;

function fields(nodename: string, context: NodenameContext): Fields {
  const { name, host } = splitNodename(nodename);
  const index = context.processIndex ?? 0;
  const dot = host.indexOf('.');
  return {
    h: host,
    n: name ?? DEFAULT_NAME,
    d: dot < 0 ? '' : host.slice(dot + 1),
    p: nodename,
    i: String(index),
    I: index === 0 ? '' : `-${index}`,
    P: String(context.pid),
    '%': '%',
  };
}

function expand(template: string, values: Fields): string {
  if (!template.includes('%')) return template;
  return template.replaceAll(/%(.?)/gsu, (found, letter: string) => {
    const value = Object.hasOwn(values, letter) ? values[letter] : undefined;
    if (value === undefined) {
      throw new ConfigError(`unknown expansion ${found} in '${template}'`, { hint: 'use %n %h %d %p %i %I %P, or %% for a percent sign' });
    }
    return value;
  });
}

function firstLabel(host: string): string {
  return host.split('.', 1)[0] ?? host;
}
