import { textList } from '../arguments.js';
import type { RemoteCommand } from '../command.js';
import { type ShownRequest, showRequest } from '../shown-request.js';

export const queryTask: RemoteCommand = {
  name: 'query_task',
  kind: 'inspect',
  summary: 'where tasks are, by id: active, reserved or ready; ids that a worker does not hold are left out',
  variadic: 'ids',
  usage: '[id1 [id2 [... [idN]]]]',
  required: ['ids'],
  async handle({ requests, nodename }, args) {
    const found: [string, readonly [string, ShownRequest]][] = [];
    for (const id of textList(args, 'ids')) {
      const held = await requests.find(id);
      if (held !== undefined) found.push([id, [held.state, showRequest(held.request, nodename, 'plain')]]);
    }
    return Object.fromEntries(found);
  },
};
