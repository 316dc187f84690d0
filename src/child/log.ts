/** The log of a child: its parent writes it. */
import { withTextArgs } from '../cli/log-format.js';
import { LOG_LEVELS, type Logger, type LogLevel } from '../logger.js';
import type { Channel } from './channel.js';

/** @param lowest - What the parent's log takes; undefined for nothing. */
export function channelLogger(channel: Channel, lowest: LogLevel | undefined): Logger {
  const threshold = lowest === undefined ? LOG_LEVELS.length : LOG_LEVELS.indexOf(lowest);
  const isEnabled = (level: LogLevel): boolean => LOG_LEVELS.indexOf(level) >= threshold;
  const loggerWith = (fields: Readonly<Record<string, string>>): Logger => {
    const at = (level: LogLevel) => {
      return (message: string, ...args: unknown[]): void => {
        if (isEnabled(level)) channel.send({ kind: 'log', level, fields, ...withTextArgs(message, args) });
      };
    };
    return {
      debug: at('debug'),
      info: at('info'),
      warning: at('warning'),
      error: at('error'),
      critical: at('critical'),
      isEnabled,
      child: (more) => loggerWith({ ...fields, ...more }),
    };
  };
  return loggerWith({});
}
