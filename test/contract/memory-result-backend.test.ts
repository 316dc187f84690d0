import { randomUUID } from 'node:crypto';
import { openMemoryBroker } from '../../src/brokers/memory/broker.js';
import { openMemoryResultBackend } from '../../src/result-backends/memory.js';
import { describeResultBackendContract } from './result-backend.js';

describeResultBackendContract('memory', {
  settlesJointly: false,
  async start() {
    const url = `memory://${randomUUID()}`;
    return {
      open: (options) => openMemoryResultBackend(url, options),
      openBroker: () => openMemoryBroker(url),
      stop: async () => {},
    };
  },
});
