/** RabbitMQ keeps queues and nothing else; results are kept where `result_backend` says. */
import type { KeyContents, KeyDesk, KeyReport } from '../../estate/keys.js';
import { globMatches } from '../glob.js';
import { readValue } from '../key-values.js';
import type { Looking } from './looking.js';
import { nameQueue } from './names.js';
import type { AmqpServer } from './server.js';

export function amqpKeyDesk(server: AmqpServer, looking: Looking): KeyDesk {
  return {
    async *scan({ pattern, kinds }) {
      await looking.giveBackAll();
      const reports = (await server.everyQueue()).map((queue) => reportOf(queue));
      const found = reports.filter(
        ({ name, kind }) => (pattern === undefined || globMatches(pattern, name)) && (kinds === undefined || kinds.includes(kind)),
      );
      if (found.length > 0) yield found;
    },
    async show(name, { offset, limit }): Promise<KeyContents | undefined> {
      const [depth] = await server.depths([name]);
      if (depth === undefined) return undefined;
      const report = reportOf({ name, type: 'queue', messages: depth.messages, bytes: undefined });
      // Somebody takes an answer or a command from there at this moment, and would miss what is in our hands.
      const isOpen = report.kind === 'queue' || report.kind === 'dead letters' || report.kind === 'delayed';
      const page = isOpen ? (await looking.page(name, offset, limit)).filter(({ place }) => place === 'ready') : [];
      await looking.giveBackAll();
      const entries = await Promise.all(
        page.map(async ({ position, raw }) => ({ name: String(position), value: await readValue('queue', raw) })),
      );
      return { ...report, entries, more: isOpen && offset + entries.length < depth.messages };
    },
    removeOrphans: async () => 0,
  };
}

function reportOf({
  name,
  type,
  messages,
  bytes,
}: {
  readonly name: string;
  readonly type: string;
  readonly messages: number;
  readonly bytes: number | undefined;
}): KeyReport {
  return { name, ...nameQueue(name), type: type === 'queue' ? 'queue' : `${type} queue`, members: messages, bytes, ttlMs: undefined };
}
