import type { RemoteCommand } from '../command.js';

export const revoked: RemoteCommand = {
  name: 'revoked',
  kind: 'inspect',
  alias: 'dump_revoked',
  summary: 'ids of revoked tasks',
  handle: ({ revokes }) => revokes.ids(),
};
