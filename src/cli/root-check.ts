/** Whether a worker or a beat may run as root (RELIABILITY S19, docs/decisions/0022). */
import { existsSync } from 'node:fs';
import type { Environment } from '../config/resolve.js';
import { UsageError } from '../errors.js';
import { flag } from './command.js';

export const rootOption = {
  allowRoot: flag('--allow-root', 'run as root, without a warning; also worker_allow_root, CTQ_ALLOW_ROOT, C_FORCE_ROOT'),
} as const;

export interface RootQuestion {
  readonly who: 'worker' | 'beat';
  readonly env: Environment;
  /** `--allow-root`: the last word. */
  readonly allowed: boolean;
  /** `worker_allow_root`. */
  readonly setting: boolean | null;
  /** Default {@link hasServiceManager}. */
  readonly onMachine?: () => boolean;
}

/**
 * What to say to a worker or beat that runs as root; undefined when it does not, or somebody has said that it may. Celery refuses
 * where pickle is accepted, which is nowhere here, and warns otherwise; so do we in a container, where root is what everybody is.
 *
 * @throws {@link UsageError} where somebody has said that it may not, and, unless somebody has said that it may, where a service
 *   manager would start it as another user for the asking, or it is root without having been started by root.
 */
export function rootWarning({ who, env, allowed, setting, onMachine = hasServiceManager }: RootQuestion): string | undefined {
  const [uid, euid] = [process.getuid?.(), process.geteuid?.()];
  if ((uid !== 0 && euid !== 0) || allowed || (env['C_FORCE_ROOT'] ?? '') !== '') return undefined;
  const named = env['CTQ_ALLOW_ROOT'] ?? '';
  const word = named === '' ? setting : !/^(?:0|no|false|off)$/i.test(named);
  if (word === true) return undefined;
  const whose = who === 'worker' ? 'and so would every task' : 'and so would the code of its app';
  if (word === false) {
    throw new UsageError(`this ${who} may not run as root, ${whose}`, {
      hint: `${named === '' ? 'worker_allow_root' : 'CTQ_ALLOW_ROOT'} says so: name another user with --uid, or say --allow-root`,
    });
  }
  if (uid !== 0 || onMachine()) {
    throw new UsageError(`this ${who} would run as root, ${whose}`, {
      hint: 'name another user with --uid or in its systemd unit, or allow it with --allow-root, worker_allow_root: true or CTQ_ALLOW_ROOT=1',
    });
  }
  const does = who === 'worker' ? 'and so does every task' : 'and so does the code of its app';
  return `This ${who} runs as root, ${does}: name another user with --uid, or say --allow-root (uid=${uid} euid=${euid})`;
}

/**
 * Whether this is a machine with an init of its own rather than a container: systemd's own test is this folder (sd_booted(3)), and
 * OpenRC's is the other. Nobody runs containers *on* the other systems.
 */
function hasServiceManager(): boolean {
  return process.platform !== 'linux' || existsSync('/run/systemd/system') || existsSync('/run/openrc');
}
