/** A recorded run as Markdown: a line about the machine, a table for each group, one for the ratios, and the plot. */
import { wantedText } from './record.mjs';
import { figure, spread } from './stats.mjs';

export function markdownOf(scenario, document) {
  if (document === undefined) return `*Not recorded yet: \`npm run bench -- ${scenario}\`.*`;
  const { groups, ratios, facts, notMeasured, remarks } = document;
  const blocks = [about(document)];
  for (const [name, { unit, rows, better }] of Object.entries(groups)) {
    const lines = Object.entries(rows).map(([row, values]) => [row, spread(values), wanted({ ...values, better })]);
    if (lines.length > 0) blocks.push(table([name, `${unit}: median (least–most)`, 'promised'], lines));
  }
  const pairs = Object.entries(ratios).map(([name, ratio]) => [name, spread(ratio), wanted(ratio)]);
  if (pairs.length > 0) blocks.push(table(['ratio', 'median of pairs (least–most)', 'promised'], pairs));
  const others = Object.entries(facts).map(([name, value]) => [name, typeof value === 'number' ? figure(value) : value]);
  if (others.length > 0) blocks.push(table(['', ''], others));
  const notes = [...remarks, ...Object.entries(notMeasured).map(([name, reason]) => `Not measured: ${name} (${reason}).`)];
  if (notes.length > 0) blocks.push(notes.map(escape).join('\n'));
  blocks.push(`![${document.title}](../bench/results/${scenario}.svg)`);
  return blocks.join('\n\n');
}

function about({ date, node, cores, cpu, loadBegin, loadEnd, rounds, size, peers }) {
  const versions = Object.entries(peers).map(([name, version]) => `${name} ${version}`);
  const sizes = Object.entries(size).map(([name, value]) => `${name} ${[value].flat().map(figureOf).join(' · ')}`);
  const machine = `${date.slice(0, 10)}, ${cores} cores (${cpu}), load ${loadBegin} before and ${loadEnd} after, Node ${node.slice(1)}`;
  return escape(`${machine}; rounds: ${rounds}; ${sizes.join(', ')}${versions.length > 0 ? `; ${versions.join(', ')}` : ''}.`);
}

/** The third column of a table: empty where nothing was promised. */
function wanted(values) {
  return wantedText(values)
    .replace(/^\(wanted: /, '')
    .replace(/\)$/, '')
    .replace('NO', '**no**');
}

function figureOf(value) {
  return typeof value === 'number' ? figure(value) : String(value);
}

/** A last column with nothing in it is left out. */
function table(head, lines) {
  const full = lines.some((line) => line[2]) ? head.length : 2;
  const row = (cells) =>
    `| ${cells
      .slice(0, full)
      .map((cell) => escape(String(cell ?? '')))
      .join(' | ')} |`;
  return [row(head), `|${' --- |'.repeat(full)}`, ...lines.map(row)].join('\n');
}

function escape(text) {
  return text.replaceAll('|', '\\|').replaceAll('<', '&lt;');
}
