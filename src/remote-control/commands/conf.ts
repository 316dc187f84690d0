import { truthy } from '../arguments.js';
import type { RemoteCommand } from '../command.js';
import { showSettings } from '../shown-settings.js';

export const conf: RemoteCommand = {
  name: 'conf',
  kind: 'inspect',
  alias: 'dump_conf',
  summary: 'settings in force, without secrets; with true also those left at their defaults',
  parameters: [{ name: 'with_defaults', read: 'flag' }],
  usage: '[include_defaults=False]',
  handle: ({ settings }, args) => showSettings(settings.table(truthy(args['with_defaults']) ? 'all' : 'changed')),
};
