/**
 * docs/pools.md holds what the conformance suite knows: which pool keeps which promise. A case that is
 * added, or skipped, shows there. `CTQ_UPDATE_DOCS=1 npx vitest run test/contract/pools-table.test.ts` writes it.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { projectRoot } from '../support/ctq-process.js';
import { type PoolKind, poolSections } from './pool.js';
import { poolSkips } from './pool/skips.js';

const KINDS: readonly PoolKind[] = ['async', 'threads', 'prefork', 'solo'];
const file = join(projectRoot, 'docs', 'pools.md');
const BEGIN = '<!-- made by test/contract/pools-table.test.ts: begin -->\n';
const END = '<!-- end -->\n';

function table(): string {
  const reasons: string[] = [];
  const cell = (kind: PoolKind, title: string): string => {
    const reason = poolSkips[kind][title];
    if (reason === undefined) return 'yes';
    if (!reasons.includes(reason)) reasons.push(reason);
    return `no ${reasons.indexOf(reason) + 1}`;
  };
  const rows: string[] = [];
  for (const [section, cases] of Object.entries(poolSections)) {
    rows.push(`| **${section}** | | | | |`);
    for (const { title } of cases) rows.push(`| ${title} | ${KINDS.map((kind) => cell(kind, title)).join(' | ')} |`);
  }
  const head = [`| | ${KINDS.join(' | ')} |`, '|---|---|---|---|---|'];
  return `${[...head, ...rows, '', ...reasons.map((reason, index) => `${index + 1}. ${reason}`)].join('\n')}\n`;
}

it('docs/pools.md shows what each pool can do, and why it cannot', () => {
  const text = readFileSync(file, 'utf8');
  const [before = '', rest = ''] = text.split(BEGIN);
  const after = rest.split(END)[1] ?? '';
  const wanted = `${before}${BEGIN}\n${table()}\n${END}${after}`;
  if (process.env['CTQ_UPDATE_DOCS'] === '1') writeFileSync(file, wanted);
  else expect(text).toBe(wanted);
});
