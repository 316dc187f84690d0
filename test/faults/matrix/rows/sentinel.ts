/** M6b: a fail-over by Sentinel. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startRedisSentinels } from '../../../support/redis-sentinels.js';
import { tmpFolder } from '../../../support/tmp.js';
import type { Measured, Row } from '../row.js';
import type { Stage } from '../stage.js';
import { probe, watchS } from './server.js';

async function failover(stage: Stage): Promise<Measured> {
  const sentinels = await startRedisSentinels({ count: 3, password: 'secret', sentinelPassword: 'watch' });
  stage.atClose(() => sentinels.stop());
  const options = { brokerTransportOptions: sentinels.transportOptions, resultBackendTransportOptions: sentinels.transportOptions };
  stage.use(sentinels.url, options);
  const config = join(tmpFolder(), 'settings.json');
  writeFileSync(config, JSON.stringify(options));
  await stage.worker({
    ctqArgs: ['--config', config],
    conf: { broker_transport_options: sentinels.transportOptions, result_backend_transport_options: sentinels.transportOptions },
  });
  await stage.sendMany('before', 40, { seconds: 0.2 });
  const old = await sentinels.master();
  // Replication is asynchronous: what no replica has is lost to everybody, and no worker's fault.
  await old.commands([
    ['SET', 'marker', '1'],
    ['WAIT', 2, 5_000],
  ]);
  await stage.until(() => stage.book.executed() >= 4, 20, 20);
  const killedMs = Date.now();
  await old.kill();
  const recoveryS = await probe(stage, 'probe', killedMs);
  await stage.drained(recoveryS === undefined ? 1 : watchS(stage));
  const { sent, executed, missing, repeated } = stage.book.tally();
  return {
    sent,
    executed,
    lost: stage.system === 'ctq' ? missing.length : 0,
    waiting: stage.system === 'ctq' ? 0 : missing.length,
    repeated: repeated.length,
    recoveryS,
  };
}

export const SENTINEL: readonly Row[] = [
  {
    id: 'M6b',
    fault: 'the master is killed, and Sentinel makes a replica the new one',
    goal: { words: '0 lost of what was replicated, on ≤ 15 s', lost: 0, recoveryS: 15 },
    scenarios: [{ engine: 'redis', run: failover }],
    tests: ['faults/redis-sentinels.test.ts'],
  },
];
