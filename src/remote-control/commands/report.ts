/**
 * What a bug report needs, as a text: versions, machine, settings. Celery's form, so that whoever reads
 * both finds the same things in the same places.
 */
import { arch, release, type as systemType } from 'node:os';
import { maskUrlsIn } from '../../config/masking.js';
import { pythonRepr } from '../../protocol/python-repr.js';
import { CTQ_VERSION } from '../../version.js';
import { ok } from '../answers.js';
import type { RemoteCommand, WorkerView } from '../command.js';
import { showSettings } from '../shown-settings.js';

export const report: RemoteCommand = {
  name: 'report',
  kind: 'inspect',
  summary: 'versions, machine and settings, for bug reports',
  only: [],
  handle: (worker) => ok(reportText(worker)),
};

function reportText(worker: WorkerView): string {
  const shown = showSettings(worker.settings.table('changed'));
  const { brokerUrl } = worker.figures();
  const transport = brokerUrl.slice(0, Math.max(brokerUrl.indexOf(':'), 0));
  const results = shown['result_backend'];
  const lines = [
    `software -> ctq:${CTQ_VERSION} node:${process.versions.node} v8:${process.versions.v8}`,
    `platform -> system:${systemType()} arch:${arch()}`,
    `            kernel version:${release()} imp:Node.js`,
    `pool     -> ${worker.pool.kind}`,
    `settings -> transport:${transport} results:${typeof results === 'string' ? results : 'as the broker'}`,
  ];
  const values = Object.entries(shown).map(([key, value]) => `${key}: ${maskUrlsIn(pythonRepr(value))}`);
  return `\n${lines.join('\n')}\n\n${values.join('\n')}\n`;
}
