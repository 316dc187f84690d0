/** Facts → findings, the gravest first. */
import { checks } from './checks/index.js';
import type { Facts } from './facts.js';
import type { Finding, Weight } from './finding.js';

const ORDER: readonly Weight[] = ['serious', 'warning', 'note'];

export function judge(facts: Facts): readonly Finding[] {
  const findings = checks.flatMap(({ kind, weight, why, remedy, look }) =>
    look(facts).map(
      (symptom): Finding => ({
        kind,
        weight: symptom.weight ?? weight,
        what: symptom.what,
        why: symptom.why ?? why,
        remedy: symptom.remedy ?? remedy,
      }),
    ),
  );
  return findings.sort((a, b) => ORDER.indexOf(a.weight) - ORDER.indexOf(b.weight));
}

/** A note alone is no reason to wake anybody. */
export function hasWeight(findings: readonly Finding[]): boolean {
  return findings.some(({ weight }) => weight !== 'note');
}
