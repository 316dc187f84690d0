/** Draws a V8 CPU profile as a flame graph: time upwards from what called to what was called, widest first. No scripts in it. */
const WIDTH = 1200;
const ROW = 17;
/** Narrower frames cannot be seen. */
const NARROWEST = 0.6;
const LETTER = 6.2;
const QUIET = new Set(['(root)', '(idle)', '(program)']);

/** @returns Functions by the time spent in themselves, the most first; `share` is of the time that was not idle. */
export function selfTimes(profile) {
  const { root, busy } = tree(profile);
  const times = new Map();
  const walk = (frame) => {
    times.set(frame.name, (times.get(frame.name) ?? 0) + frame.self);
    for (const inner of frame.children.values()) walk(inner);
  };
  walk(root);
  return [...times]
    .filter(([name]) => !QUIET.has(name))
    .map(([name, time]) => ({ name, share: time / busy }))
    .sort((a, b) => b.share - a.share);
}

export function flameGraph(profile, title) {
  const { root, busy } = tree(profile);
  const boxes = [];
  const draw = (frame, left, depth) => {
    const width = (frame.total / busy) * WIDTH;
    if (width < NARROWEST) return;
    if (depth >= 0) boxes.push({ frame, left, width, depth });
    let at = left;
    for (const inner of [...frame.children.values()].sort((a, b) => b.total - a.total)) {
      draw(inner, at, depth + 1);
      at += (inner.total / busy) * WIDTH;
    }
  };
  draw(root, 0, -1);
  const rows = Math.max(...boxes.map(({ depth }) => depth)) + 1;
  const height = rows * ROW + 40;
  const body = boxes.map(({ frame, left, width, depth }) => {
    const top = height - 8 - (depth + 1) * ROW;
    const share = `${((frame.total / busy) * 100).toFixed(1)} %`;
    const room = Math.floor((width - 4) / LETTER);
    const text = room < 3 ? '' : `<text x="${(left + 3).toFixed(1)}" y="${top + 12}">${escape(frame.name.slice(0, room))}</text>`;
    const box = `<rect x="${left.toFixed(1)}" y="${top}" width="${Math.max(width - 0.5, 0.3).toFixed(1)}" height="${ROW - 1}" fill="${colour(frame.name)}"/>`;
    return `<g><title>${escape(frame.name)}: ${share}</title>${box}${text}</g>`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" font-family="monospace" font-size="10" role="img" aria-label="${escape(title)}">`,
    '<rect width="100%" height="100%" fill="#ffffff"/>',
    `<text x="8" y="18" font-family="sans-serif" font-size="14" font-weight="bold">${escape(title)}</text>`,
    ...body,
    '</svg>\n',
  ].join('\n');
}

/** Same callers, same function: one frame. What was idle is left out. */
function tree({ nodes, samples, timeDeltas }) {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const own = new Map();
  for (const [index, id] of samples.entries()) own.set(id, (own.get(id) ?? 0) + timeDeltas[index]);
  const merge = (node, into) => {
    for (const id of node.children ?? []) {
      const child = byId.get(id);
      const name = nameOf(child);
      if (name === '(idle)') continue;
      const frame = into.children.get(name) ?? { name, self: 0, total: 0, children: new Map() };
      into.children.set(name, frame);
      frame.self += own.get(id) ?? 0;
      merge(child, frame);
    }
  };
  const root = { name: '(root)', self: 0, total: 0, children: new Map() };
  merge(nodes[0], root);
  const sum = (frame) => {
    frame.total = frame.self;
    for (const inner of frame.children.values()) frame.total += sum(inner);
    return frame.total;
  };
  return { root, busy: Math.max(sum(root), 1) };
}

/** A bundled CommonJS module is named by its path. */
function nameOf({ callFrame: { functionName: given, url } }) {
  const functionName = given.replace(/^.*node_modules\//, '');
  if (functionName.startsWith('(')) return functionName;
  const file = url.startsWith('node:') ? url : url === '' ? 'native' : 'ctq';
  return `${functionName === '' ? '(anonymous)' : functionName}${file === 'ctq' ? '' : ` [${file}]`}`;
}

function colour(name) {
  if (name === '(garbage collector)') return '#d4a72c';
  if (name.includes('[native]') || name.includes('[node:')) return '#afb8c1';
  return '#79b8ff';
}

function escape(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
