import { pythonRepr } from '../../protocol/python-repr.js';
import { textList, truthy } from '../arguments.js';
import type { RemoteCommand } from '../command.js';

const DEFAULT_ATTRIBUTES = ['exchange', 'routing_key', 'rate_limit'];

export const registered: RemoteCommand = {
  name: 'registered',
  kind: 'inspect',
  alias: 'dump_tasks',
  summary: 'tasks that workers know, with the attributes asked for (rate_limit, max_retries …)',
  variadic: 'taskinfoitems',
  usage: '[attr1 [attr2 [... [attrN]]]]',
  handle({ tasks }, args) {
    const wanted = textList(args, 'taskinfoitems');
    const attributes = wanted.length === 0 ? DEFAULT_ATTRIBUTES : wanted;
    const names = tasks.names().filter((name) => truthy(args['builtins']) || !name.startsWith('celery.'));
    return [...names].sort().map((name) => {
      const shown = attributes.flatMap((attribute) => {
        const value = tasks.attribute(name, attribute);
        return value === undefined || value === null ? [] : [`${attribute}=${pythonStr(value)}`];
      });
      return shown.length === 0 ? name : `${name} [${shown.join(' ')}]`;
    });
  },
};

/** Python's `str()`: a text without its quotes. */
function pythonStr(value: unknown): string {
  return typeof value === 'string' ? value : pythonRepr(value);
}
