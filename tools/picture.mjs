/**
 * docs/img/terminal.svg: a session typed into a real shell on a real terminal, as it looked after each step.
 * Needs python3 (for the terminal), bash and nothing else; `node tools/picture.mjs` after a change of what is shown.
 */
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import xterm from '@xterm/headless';

const root = fileURLToPath(new URL('..', import.meta.url));
const ROWS = 17;
const COLUMNS = 96;

const TASKS = `import { Ctq } from 'ctq';
export const app = new Ctq('tasks');
export const add = app.task('tasks.add', (x: number, y: number) => x + y);
export const report = app.task('tasks.report', async (id: number) => {
  if (id === 13) throw new RangeError('there is no report 13');
  await new Promise((done) => setTimeout(done, 60_000));
});
`;

/** What is typed, what is then waited for, and how long a reader looks at it. */
const SESSION = [
  { type: 'head -3 tasks.ts', until: /x \+ y\);/, seconds: 2 },
  { type: 'ctq worker -A tasks -D --pidfile w.pid', until: /w.pid\n\$ $/, seconds: 1.5 },
  { type: 'ctq send tasks.add 3 4 --wait', until: /--wait\n7\n/, seconds: 2.5 },
  { type: 'ctq send tasks.report 13 --wait', until: /tells more\)/, seconds: 3 },
  { type: 'for id in 1 2 3 4; do ctq send -q tasks.report $id; done', until: /done\n([0-9a-f-]{36}\n){4}/, seconds: 1.5 },
  { type: 'ctq top', until: /celery@\S+ +up[\s\S]*running|running 4[\s\S]*celery@\S+ +up/, seconds: 3 },
  { key: '4', until: /RangeError: there is/, seconds: 3 },
  { key: '3', until: /(tasks\.report[\s\S]*){4}/, seconds: 5 },
];

const folder = mkdtempSync(join(tmpdir(), 'ctq-picture-'));
const bin = join(folder, 'bin');
const shop = join(folder, 'shop');
for (const one of [bin, join(shop, 'node_modules')]) mkdirSync(one, { recursive: true });
symlinkSync(root, join(shop, 'node_modules', 'ctq'));
writeFileSync(join(shop, 'tasks.ts'), TASKS);
writeFileSync(join(bin, 'ctq'), `#!/bin/sh\nexec "${process.execPath}" "${join(root, 'bin', 'ctq.js')}" "$@"\n`);
chmodSync(join(bin, 'ctq'), 0o755);

writeFileSync(join(folder, 'rc'), "PS1='$ '\n");

const plain = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(CTQ_|CELERY_|NO_COLOR|FORCE_COLOR|CI$)/.test(name)));
const env = { ...plain, PATH: `${bin}:${process.env.PATH}`, TERM: 'xterm-256color', CTQ_ALLOW_ROOT: '1' };
const shell = spawn(
  'python3',
  [join(root, 'test/support/python/terminal.py'), String(ROWS), String(COLUMNS), 'bash', '--rcfile', join(folder, 'rc')],
  { cwd: shop, env },
);
const terminal = new xterm.Terminal({ rows: ROWS, cols: COLUMNS, allowProposedApi: true });
shell.stdout.on('data', (bytes) => terminal.write(bytes));
const type = (keys) => shell.stdin.write(`${JSON.stringify({ keys })}\n`);

function lines() {
  const { active } = terminal.buffer;
  return Array.from({ length: ROWS }, (_, index) => active.getLine(active.baseY + index));
}

async function wait(pattern) {
  for (let tries = 0; tries < 600; tries += 1) {
    const text = lines()
      .map((line) => line?.translateToString(true) ?? '')
      .join('\n')
      .trimEnd()
      .replace(/\$$/, '$ ');
    if (pattern.test(text)) return;
    await delay(50);
  }
  throw new Error(
    `the terminal never showed ${pattern}:\n${lines()
      .map((line) => line?.translateToString(true))
      .join('\n')}`,
  );
}

/** Runs of cells that look the same. */
function snapshot() {
  return lines().map((line) => {
    const runs = [];
    for (let x = 0; x < COLUMNS; x += 1) {
      const cell = line?.getCell(x);
      if (cell === undefined || cell.getWidth() === 0) continue;
      const look = {
        colour: cell.isFgDefault() ? -1 : cell.getFgColor(),
        rgb: cell.isFgRGB(),
        bold: cell.isBold() > 0,
        dim: cell.isDim() > 0,
        inverse: cell.isInverse() > 0,
      };
      const key = JSON.stringify(look);
      const text = cell.getChars() || ' ';
      if (runs.at(-1)?.key === key) runs.at(-1).text += text;
      else runs.push({ ...look, key, x, text });
    }
    for (const run of runs) if (!run.inverse) run.text = run.text.trimEnd();
    return runs.filter(({ text }) => text !== '');
  });
}

async function record() {
  const frames = [];
  await wait(/^\$ $/);
  for (const { type: line, key, until, seconds } of SESSION) {
    if (key === undefined) {
      type(line);
      await delay(300);
      frames.push({ seconds: 1, rows: snapshot() });
    }
    type(key ?? '\r');
    await wait(until);
    // Let the prompt, or the rest of a screen, come.
    await delay(400);
    frames.push({ seconds, rows: snapshot() });
  }
  return frames;
}

const PALETTE = [
  '#484f58',
  '#ff7b72',
  '#3fb950',
  '#d29922',
  '#58a6ff',
  '#bc8cff',
  '#39c5cf',
  '#b1bac4',
  '#6e7681',
  '#ffa198',
  '#56d364',
  '#e3b341',
  '#79c0ff',
  '#d2a8ff',
  '#56d4dd',
  '#ffffff',
];
const [CELL, LEADING, MARGIN] = [8, 18, 16];
const escape = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

function runSvg({ x, text, colour, rgb, bold, dim, inverse }, row) {
  const left = MARGIN + x * CELL;
  const base = MARGIN + (row + 1) * LEADING - 4;
  const fill = rgb ? `#${colour.toString(16).padStart(6, '0')}` : (PALETTE[colour] ?? '#e6edf3');
  const width = [...text].length * CELL;
  const style = `${bold ? ' font-weight="700"' : ''}${dim ? ' opacity="0.65"' : ''}`;
  const back = inverse ? `<rect x="${left}" y="${base - 14}" width="${width}" height="${LEADING}" fill="#30363d"/>` : '';
  return `${back}<text x="${left}" y="${base}" fill="${fill}" textLength="${width}" lengthAdjust="spacingAndGlyphs"${style} xml:space="preserve">${escape(text)}</text>`;
}

function svg(frames) {
  const total = frames.reduce((sum, { seconds }) => sum + seconds, 0);
  const [width, height] = [COLUMNS * CELL + 2 * MARGIN, ROWS * LEADING + 2 * MARGIN];
  let at = 0;
  const styles = [];
  const groups = frames.map(({ seconds, rows }, index) => {
    const [from, to] = [at, at + seconds].map((time) => ((time / total) * 100).toFixed(2));
    at += seconds;
    styles.push(`@keyframes f${index}{0%,${from}%{visibility:hidden}${from}%,${to}%{visibility:visible}${to}%,100%{visibility:hidden}}`);
    styles.push(`.f${index}{animation:f${index} ${total}s step-end infinite}`);
    return `<g class="f f${index}">${rows.flatMap((runs, row) => runs.map((run) => runSvg(run, row))).join('')}</g>`;
  });
  // Without motion: the last screen.
  styles.push(`.f{visibility:hidden}.f${frames.length - 1}{visibility:visible}@media(prefers-reduced-motion:reduce){.f{animation:none}}`);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="13" role="img" aria-label="A terminal: a worker is started, tasks are sent, and ctq top shows them">
<style>${styles.join('')}</style>
<rect width="${width}" height="${height}" rx="10" fill="#0d1117"/>
${groups.join('\n')}
</svg>
`;
}

try {
  const frames = await record();
  const picture = svg(frames).replaceAll(shop, '/home/you/shop');
  writeFileSync(join(root, 'docs', 'img', 'terminal.svg'), picture);
  console.log(`wrote docs/img/terminal.svg: ${frames.length} frames, ${Math.round(picture.length / 1024)} KiB`);
} finally {
  const pidfile = join(shop, 'w.pid');
  if (existsSync(pidfile)) process.kill(Number(readFileSync(pidfile, 'utf8')), 'SIGKILL');
  shell.stdin.write(`${JSON.stringify({ hangup: true })}\n`);
  await delay(300);
  shell.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
}
