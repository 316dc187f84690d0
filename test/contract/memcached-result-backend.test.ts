import { join } from 'node:path';
import { openSqliteBroker } from '../../src/brokers/sqlite/broker.js';
import { openResultBackend } from '../../src/result-backends/index.js';
import { describeWith } from '../support/requires.js';
import { startMemcached } from '../support/sql-servers.js';
import { tmpFolder } from '../support/tmp.js';
import { describeResultBackendContract } from './result-backend.js';
import { chordCases } from './result-backend/chords.js';

const options = { transportOptions: {}, connectTimeoutMs: 20_000 };
const NO_CHORDS = 'a cache may forget any part at any time: groups and chords are refused';

describeWith('memcached', 'a memcached of its own', () => {
  describeResultBackendContract(
    'cache+memcached',
    {
      settlesJointly: false,
      async start() {
        const server = await startMemcached();
        const messages = `sqlite://${join(tmpFolder(), 'ctq.db')}`;
        return {
          open: ({ resultExpires }) => openResultBackend(`cache+memcached://${server.address}/`, { ...options, resultExpires }),
          openBroker: () => openSqliteBroker(messages, options),
          stop: () => server.stop(),
        };
      },
    },
    {
      ...Object.fromEntries(chordCases.map(({ title }) => [title, NO_CHORDS])),
      'task ids of any form are kept apart': 'memcached’s keys have at most 250 bytes',
      'a megabyte is kept whole': 'memcached keeps no value of a megabyte unless told so (-I)',
    },
  );
});
