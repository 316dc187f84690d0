/** Draws what a run found as one SVG: bars for its tables, lines for its curves. No fonts, scripts or links in it. */
import { figure, spread } from './stats.mjs';

const WIDTH = 760;
const LEFT = 190;
const RIGHT = 190;
const BAR = 22;
const INK = '#57606a';
const OURS = '#0969da';
const OTHERS = '#afb8c1';
const LINES = ['#0969da', '#cf222e', '#1a7f37', '#9a6700', '#8250df'];

export function plotOf(document) {
  const blocks = [
    ...Object.entries(document.groups)
      // What a curve shows needs no bars.
      .filter(([name, { rows }]) => Object.keys(rows).length > 0 && !(name in document.curves))
      .map(([name, group]) => bars(name, group)),
    ...Object.entries(document.curves).map(([name, curve]) => lines(name, curve)),
  ];
  const load = `load ${document.loadBegin}–${document.loadEnd}`;
  const foot = `${document.date.slice(0, 10)} · Node ${document.node.slice(1)} · ${document.cores} cores · ${load} · rounds: ${document.rounds}`;
  let top = 34;
  const body = blocks.map(({ height, parts }) => {
    const text = `<g transform="translate(0 ${top})">${parts.join('')}</g>`;
    top += height;
    return text;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${top + 24}" width="${WIDTH}" height="${top + 24}" font-family="sans-serif" font-size="12" role="img" aria-label="${escape(document.title)}">`,
    `<rect width="100%" height="100%" fill="#ffffff"/>`,
    label(12, 22, document.title, { size: 15, weight: 'bold', colour: '#1f2328' }),
    ...body,
    label(12, top + 12, foot, { size: 11 }),
    '</svg>\n',
  ].join('\n');
}

function bars(name, { unit, rows }) {
  const entries = Object.entries(rows);
  const most = Math.max(...entries.map(([, row]) => row.most), Number.MIN_VALUE);
  const at = (value) => (Math.max(value, 0) / most) * (WIDTH - LEFT - RIGHT);
  const parts = [label(12, 16, `${name}, ${unit}`, { weight: 'bold', colour: '#1f2328' })];
  for (const [index, [row, values]] of entries.entries()) {
    const y = 26 + index * BAR;
    const colour = row.startsWith('ctq') ? OURS : OTHERS;
    parts.push(
      label(LEFT - 8, y + 13, row, { anchor: 'end' }),
      `<rect x="${LEFT}" y="${y + 2}" width="${fixed(at(values.median))}" height="${BAR - 7}" fill="${colour}"/>`,
      stroke([
        [LEFT + at(values.least), y + 9.5],
        [LEFT + at(values.most), y + 9.5],
      ]),
      label(LEFT + Math.max(at(values.median), at(values.most)) + 6, y + 13, spread(values), { size: 11 }),
    );
  }
  return { height: 26 + entries.length * BAR + 16, parts };
}

function lines(name, { x, y, scaleX, scaleY, series }) {
  const height = 190;
  const [left, right] = [70, WIDTH - 150];
  const points = Object.values(series).flat();
  const xs = points.map(([at]) => at);
  const ys = points.map(([, at]) => at);
  const wide = right - left;
  const toX = scaleX === 'log' ? logarithmic(Math.min(...xs), Math.max(...xs), wide) : (at) => ((at - Math.min(...xs)) / span(xs)) * wide;
  const top = Math.max(...ys) * 1.05 || 1;
  const toY = scaleY === 'log' ? logarithmic(Math.min(...ys), Math.max(...ys), height) : (at) => (at / top) * height;
  const place = ([atX, atY]) => [left + toX(atX), 30 + height - toY(atY)];
  const parts = [
    label(12, 16, name, { weight: 'bold', colour: '#1f2328' }),
    stroke([
      [left, 30],
      [left, 30 + height],
      [right, 30 + height],
    ]),
    label((left + right) / 2, 30 + height + 32, x, { anchor: 'middle', size: 11 }),
    label(right, 24, y, { anchor: 'end', size: 11 }),
  ];
  for (const at of ticks(xs, scaleX)) parts.push(label(left + toX(at), 30 + height + 16, short(at), { anchor: 'middle', size: 11 }));
  for (const at of scaleY === 'log' ? ticks(ys, scaleY) : [0, top / 2, top]) {
    parts.push(label(left - 6, 34 + height - toY(at), short(at), { anchor: 'end', size: 11 }));
  }
  for (const [index, [line, list]] of Object.entries(series).entries()) {
    const colour = LINES[index % LINES.length];
    parts.push(stroke(list.map(place), colour, 2));
    // Many samples make a line by themselves.
    if (list.length <= 20)
      parts.push(...list.map(place).map(([cx, cy]) => `<circle cx="${fixed(cx)}" cy="${fixed(cy)}" r="3" fill="${colour}"/>`));
    const [endX, endY] = place(list.at(-1));
    parts.push(label(endX + 8, endY + 4, line, { colour, size: 11 }));
  }
  return { height: height + 80, parts };
}

/** Where a logarithmic axis shows numbers: at the values if they are few, else at powers of ten. */
function ticks(values, scale) {
  const own = [...new Set(values)].sort((a, b) => a - b);
  if (scale !== 'log' || own.length <= 7) {
    return own.length <= 7 ? own : [own[0], own[own.length >> 1], own.at(-1)];
  }
  const powers = Array.from({ length: 16 }, (_, power) => 10 ** (power - 4));
  return powers.filter((power) => power >= own[0] && power <= own.at(-1));
}

function logarithmic(least, most, room) {
  const from = Math.log(Math.max(least, Number.MIN_VALUE));
  const wide = Math.log(most) - from || 1;
  return (value) => ((Math.log(Math.max(value, least)) - from) / wide) * room;
}

function span(values) {
  return Math.max(...values) - Math.min(...values) || 1;
}

function short(value) {
  if (value >= 1e6) return `${Number((value / 1e6).toPrecision(3))}M`;
  if (value >= 1e3) return `${Number((value / 1e3).toPrecision(3))}k`;
  return figure(value);
}

function stroke(points, colour = INK, width = 1) {
  const path = points.map(([x, y]) => `${fixed(x)},${fixed(y)}`).join(' ');
  return `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="${width}"/>`;
}

function label(x, y, text, { anchor = 'start', size = 12, weight = 'normal', colour = INK } = {}) {
  return `<text x="${fixed(x)}" y="${fixed(y)}" text-anchor="${anchor}" font-size="${size}" font-weight="${weight}" fill="${colour}">${escape(text)}</text>`;
}

function fixed(value) {
  return Number(value.toFixed(1));
}

function escape(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
