/** What was measured, kept as one file a result, and shown as the table of docs/reliability.md. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../../support/ctq-process.js';
import { findCeleryPython } from '../../support/python-celery.js';
import type { Engine, Result, Row, System } from './row.js';
import { ROWS } from './rows.js';

const FOLDER = join(projectRoot, 'test', 'faults', 'matrix', 'results');
const PAGE = join(projectRoot, 'docs', 'reliability.md');
const [BEGIN, END] = ['<!-- matrix -->', '<!-- /matrix -->'];
const NAMES: Readonly<Record<Engine, string>> = { redis: 'Redis', sqlite: 'SQLite', rabbitmq: 'RabbitMQ' };

const versions = new Map<System, string>();

export async function versionOf(system: System): Promise<string> {
  let version = versions.get(system);
  if (version === undefined) {
    version = system === 'ctq' ? ownVersion() : celeryVersion();
    versions.set(system, version);
  }
  return version;
}

function ownVersion(): string {
  return (JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as { version: string }).version;
}

function celeryVersion(): string {
  const python = findCeleryPython();
  if (python === undefined) throw new Error('no Python has Celery; choose --system ctq, or run "node tools/setup.mjs --test"');
  return execFileSync(python, ['-c', 'import celery; print(celery.__version__)'], { encoding: 'utf8' }).trim();
}

export function keepResult(result: Result): void {
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(join(FOLDER, `${result.row}-${result.engine}-${result.system}.json`), `${JSON.stringify(result, undefined, 2)}\n`);
}

function recorded(): readonly Result[] {
  return readdirSync(FOLDER)
    .filter((name) => name.endsWith('.json'))
    .map((name) => JSON.parse(readFileSync(join(FOLDER, name), 'utf8')) as Result);
}

/** The page with the table made from what is recorded. */
export function pageText(page: string): string {
  const [before, rest = ''] = page.split(BEGIN);
  const after = rest.split(END)[1] ?? '';
  return `${before}${BEGIN}\n${table(ROWS, recorded())}\n${END}${after}`;
}

export async function writePage(): Promise<void> {
  const page = readFileSync(PAGE, 'utf8');
  const text = pageText(page);
  if (text !== page) writeFileSync(PAGE, text);
}

function table(rows: readonly Row[], results: readonly Result[]): string {
  const lines = [
    '| row | fault | goal | broker | ctq: sent / executed / lost / repeated | back after | Celery: the same | back after | goal of ctq |',
    '|---|---|---|---|---|---|---|---|---|',
  ];
  for (const row of rows) {
    const engines = [...new Set(row.scenarios.map(({ engine }) => engine))];
    if (engines.length === 0) lines.push(`| ${row.id} | ${row.fault} | ${row.goal.words} | – | – | – | – | – | ${row.remark ?? ''} |`);
    for (const [index, engine] of engines.entries()) {
      const [ours, theirs] = (['ctq', 'celery'] as const).map((system) =>
        results.find((result) => result.row === row.id && result.engine === engine && result.system === system),
      );
      const goal = row.scenarios.find((scenario) => scenario.engine === engine)?.goal?.words ?? row.goal.words;
      const head = index === 0 ? `| ${row.id} | ${row.fault} | ${goal}` : `| | | ${goal === row.goal.words ? '″' : goal}`;
      const cells = [NAMES[engine], counts(ours), back(ours), counts(theirs), back(theirs), verdict(row, ours)];
      lines.push(`${head} | ${cells.join(' | ')} |`);
    }
  }
  return lines.join('\n');
}

function counts(result: Result | undefined): string {
  if (result === undefined) return '–';
  const { sent, executed, lost, repeated, waiting = 0, note } = result;
  const figures =
    sent === undefined ? '' : `${sent} / ${executed} / ${bold(lost)} / ${repeated}${waiting > 0 ? `, **${waiting} not run**` : ''}`;
  return [figures, note ?? ''].filter((text) => text !== '').join('<br>');
}

function bold(count: number | undefined): string {
  return count === undefined || count === 0 ? String(count ?? '–') : `**${count}**`;
}

function back(result: Result | undefined): string {
  return result?.recoveryS === undefined ? '–' : `${result.recoveryS.toFixed(1)} s`;
}

function verdict(row: Row, ours: Result | undefined): string {
  const remark = row.remark === undefined ? '' : ` ${row.remark}`;
  if (ours === undefined) return `not measured${remark}`;
  return ours.missed.length === 0 ? `met${remark}` : `**missed**: ${ours.missed.join('; ')}${remark}`;
}
