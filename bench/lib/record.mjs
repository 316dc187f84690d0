/** What a run found, in one shape for all scenarios, so that tables, plots and the guard need to know only one. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { plotOf } from './plot.mjs';
import { BENCH } from './processes.mjs';
import { figure, ratioOf, spread, summary } from './stats.mjs';

const RESULTS = join(BENCH, 'results');

export class Record {
  #document;

  constructor({ scenario, title, mode, rounds, size }) {
    this.#document = {
      scenario,
      title,
      mode,
      date: new Date().toISOString(),
      node: process.version,
      cores: cpus().length,
      cpu: cpus()[0]?.model.trim(),
      loadBegin: load(),
      loadEnd: 0,
      rounds,
      size,
      peers: {},
      notMeasured: {},
      groups: {},
      ratios: {},
      curves: {},
      facts: {},
      remarks: [],
    };
  }

  peer(name, version) {
    if (version) this.#document.peers[name] = version;
  }

  notMeasured(name, reason) {
    this.#document.notMeasured[name] = reason;
  }

  /** A table: for each row the figures of all rounds, and what was promised of some. */
  group(name, { unit, better = 'more', rows, wanted = {} }) {
    const filled = Object.entries(rows).filter(([, values]) => values.length > 0);
    this.#document.groups[name] = {
      unit,
      better,
      rows: Object.fromEntries(
        filled.map(([row, values]) => [row, { ...summary(values), ...(row in wanted ? { wanted: wanted[row] } : {}) }]),
      ),
    };
  }

  /**
   * Ours divided by theirs, round by round.
   *
   * @param options.better `more` where a large ratio is good, else `less`. `wanted` is what was promised of it.
   */
  ratio(name, ours, theirs, { better = 'more', wanted } = {}) {
    if (ours === undefined || theirs === undefined || ours.length === 0 || theirs.length === 0) return;
    this.#document.ratios[name] = { better, ...(wanted === undefined ? {} : { wanted }), ...ratioOf(ours, theirs) };
  }

  /** A line for each of `series`: lists of [x, y]. */
  curve(name, { x, y, scaleX = 'linear', scaleY = 'linear', series }) {
    this.#document.curves[name] = { x, y, scaleX, scaleY, series };
  }

  fact(name, value) {
    this.#document.facts[name] = value;
  }

  /** What a reader must know to judge the figures. */
  remark(text) {
    this.#document.remarks.push(text);
  }

  /** Only whole runs with the usual sizes are the reference that git keeps. */
  write() {
    this.#document.loadEnd = load();
    const folder = this.#document.mode === 'full' ? RESULTS : join(RESULTS, 'local');
    mkdirSync(folder, { recursive: true });
    const file = join(folder, `${this.#document.scenario}.json`);
    writeFileSync(file, `${JSON.stringify(this.#document, undefined, 2)}\n`);
    writeFileSync(file.replace(/json$/, 'svg'), plotOf(this.#document));
    return { document: this.#document, file };
  }
}

/** The recorded reference of a scenario, or undefined. */
export function recorded(scenario) {
  try {
    return JSON.parse(readFileSync(join(RESULTS, `${scenario}.json`), 'utf8'));
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** The document as text for a terminal. */
export function textOf({ groups, ratios, facts, notMeasured, remarks }) {
  const lines = [];
  const table = (title, rows) => {
    const width = Math.max(...rows.map(([name]) => name.length));
    lines.push(title, ...rows.map(([name, text]) => `  ${name.padEnd(width)}  ${text}`));
  };
  for (const [name, { unit, rows, better }] of Object.entries(groups)) {
    const texts = Object.entries(rows).map(([row, values]) => [row, `${spread(values)} ${wantedText({ ...values, better })}`]);
    if (texts.length > 0) table(`${name}, ${unit}: median (least–most)`, texts);
  }
  const pairs = Object.entries(ratios).map(([name, ratio]) => [name, `${spread(ratio)} ${wantedText(ratio)}`]);
  if (pairs.length > 0) table('ratios: median of pairs (least–most)', pairs);
  const others = Object.entries(facts).map(([name, value]) => [name, typeof value === 'number' ? figure(value) : String(value)]);
  if (others.length > 0) table('and', others);
  const absent = Object.entries(notMeasured);
  if (absent.length > 0) table('not measured', absent);
  lines.push(...remarks);
  return lines.join('\n');
}

/** `(wanted: at least 2.5: yes)` */
export function wantedText({ wanted, better, median }) {
  if (wanted === undefined) return '';
  const met = better === 'more' ? median >= wanted : median <= wanted;
  return `(wanted: ${better === 'more' ? 'at least' : 'at most'} ${figure(wanted)}: ${met ? 'yes' : 'NO'})`;
}

function load() {
  return Math.round((loadavg()[0] ?? 0) * 100) / 100;
}
