/** The methods of `inspect` and `control`, as help lists them. */
import type { RemoteCommand } from '../remote-control/command.js';
import type { HelpSection } from './command.js';

export function remoteHelp(heading: string, commands: readonly RemoteCommand[]): HelpSection {
  return { heading, rows: commands.map(({ name, usage, summary }) => [usage === undefined ? name : `${name} ${usage}`, summary] as const) };
}
