import { Ctq } from 'ctq';

export const app = new Ctq('words');

/** What Python's standard library cannot do: words of a language that writes no spaces between them. */
export const count = app.task('words.count', (text: string, locale = 'en') => {
  const segments = [...new Intl.Segmenter(locale, { granularity: 'word' }).segment(text)];
  const words = segments.filter(({ isWordLike }) => isWordLike).map(({ segment }) => segment.toLocaleLowerCase(locale));
  if (words.length === 0) throw new RangeError('there is no word in this text');
  const times = new Map<string, number>();
  for (const word of words) times.set(word, (times.get(word) ?? 0) + 1);
  return { words: words.length, top: [...times].sort(([, a], [, b]) => b - a).slice(0, 5), node: process.versions.node };
});
