import type { RemoteCommand } from '../command.js';

export const clock: RemoteCommand = {
  name: 'clock',
  kind: 'inspect',
  summary: "workers' logical clocks",
  handle: ({ clock }) => ({ clock: clock.value }),
};
