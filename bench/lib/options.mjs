/** The words after `npm run bench --`. What is wrong with them is said in one line. */
import { parseArgs } from 'node:util';

export function readOptions(options) {
  try {
    return parseArgs({ allowPositionals: true, options });
  } catch (error) {
    return stopWith(2, `bench: ${error.message.split('. ')[0]}`);
  }
}

/** Prints and ends: what is started is stopped on the way out. */
export function stopWith(code, text) {
  (code === 0 ? console.log : console.error)(text);
  process.exit(code);
}

export function checkNames(what, names, known) {
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0) stopWith(2, `bench: no such ${what}: ${unknown.join(', ')} (there are: ${known.join(', ')})`);
}

/** @returns undefined where nothing was said. */
export function roundsOf(text) {
  if (text === undefined) return undefined;
  const rounds = Number(text);
  if (!Number.isInteger(rounds) || rounds < 1) stopWith(2, `bench: --rounds ${text}: a whole number is expected`);
  return rounds;
}

/** `tasks=1000` and `bytes=100,1000` as sizes. */
export function sizesOf(words) {
  return Object.fromEntries(
    words.map((word) => {
      const [, name, value] = /^([^=]+)=(.+)$/.exec(word) ?? stopWith(2, `bench: --set ${word}: name=value is expected`);
      return [name, value.includes(',') ? value.split(',').map(asNumber) : asNumber(value)];
    }),
  );
}

function asNumber(text) {
  return Number.isFinite(Number(text)) ? Number(text) : text;
}
