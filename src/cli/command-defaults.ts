/** `worker: { concurrency: 8 }` in a config file: defaults of a command's options. */
import { closestName } from '../config/closest-name.js';
import { camelCase, quote } from '../config/setting-names.js';
import { ConfigError, UsageError } from '../errors.js';
import type { CommandOption, CommandSpec } from './command.js';
import type { LoadedConfig } from './config-file.js';

/**
 * Option values with the config file's defaults where nothing was typed.
 *
 * @throws {@link ConfigError} naming file, command and key.
 */
export async function withDefaults(
  spec: CommandSpec,
  given: Readonly<Record<string, unknown>>,
  config: LoadedConfig,
): Promise<Readonly<Record<string, unknown>>> {
  const defaults = config.commandDefaults(spec.name);
  if (defaults === undefined) return given;
  const values: Record<string, unknown> = { ...given };
  const { displayName, readOption } = await import('./program.js');
  const byName = new Map(
    Object.entries(spec.options)
      .filter(([, option]) => option.kind !== 'unavailable')
      .map(([key, option]) => [camelCase(displayName(option).slice(2).replaceAll('-', '_')), [key, option] as const]),
  );
  for (const [name, value] of Object.entries(defaults)) {
    if (name === 'app') continue; // As -A, but below CTQ_APP: see config-file.ts.
    const where = `${config.file}: ${spec.name}.${name}`;
    const found = byName.get(camelCase(name.replaceAll('-', '_')));
    if (found === undefined) throw unknownKey(name, where, [...byName.keys()]);
    const [key, option] = found;
    if (values[key] !== undefined || value === undefined || value === null) continue;
    try {
      values[key] = readDefault(option, value, where, (raw) => readOption(option, raw, where));
    } catch (error) {
      if (error instanceof UsageError) throw new ConfigError(error.message, error.hint === undefined ? {} : { hint: error.hint });
      throw error;
    }
  }
  return values;
}

function readDefault(option: CommandOption, value: unknown, where: string, read: (raw: string) => unknown): unknown {
  if (option.kind === 'flag' || option.kind === 'toggle') {
    if (typeof value !== 'boolean') throw new ConfigError(`${where} is ${JSON.stringify(value)}`, { hint: 'it must be true or false' });
    return value;
  }
  const parts = Array.isArray(value) ? value : [value];
  if (parts.some((part) => typeof part !== 'string' && typeof part !== 'number')) {
    throw new ConfigError(`${where} is ${JSON.stringify(value)}`, { hint: 'it must be a text or a number' });
  }
  return option.kind === 'list' ? parts.map((part) => read(String(part))) : read(parts.join(','));
}

function unknownKey(name: string, where: string, known: readonly string[]): ConfigError {
  const lookalike = closestName(name, known);
  return new ConfigError(`${where}: unknown option ${quote(name)}`, {
    hint: lookalike === undefined ? `there are ${known.join(', ')}` : `did you mean ${lookalike}?`,
  });
}
