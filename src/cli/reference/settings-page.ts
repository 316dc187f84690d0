/** docs/reference/settings.md: the table of settings, with the comments that stand in it. */
import { SETTINGS } from '../../config/settings.js';
import type { Setting } from '../../config/setting-kinds.js';
import { snakeCase } from '../../config/setting-names.js';
import { code, page, plain, table } from './markdown.js';

interface Chapter {
  readonly heading: string;
  readonly rows: string[][];
}

/** @param source - The text of the tables in config/settings/, whose comments say what each is for. */
export function settingsPage(source: string): string {
  const chapters: Chapter[] = [];
  let comment = '';
  for (const line of source.split('\n')) {
    const heading = /^ {2}\/\/ ── (.*?) ─+$/.exec(line)?.[1];
    const said = /^ {2}\/\*\* (.*?) \*\/$/.exec(line)?.[1];
    const key = /^ {2}(\w+): /.exec(line)?.[1];
    if (heading !== undefined) chapters.push({ heading, rows: [] });
    if (said !== undefined) comment = said;
    if (key === undefined || !Object.hasOwn(SETTINGS, key)) continue;
    const setting: Setting<unknown> = SETTINGS[key as keyof typeof SETTINGS];
    chapters.at(-1)?.rows.push([names(key, setting), kind(setting), code(JSON.stringify(setting.default)), about(comment, setting)]);
    comment = '';
  }
  return page([
    '# Settings',
    'In `new Ctq(name, settings)`, in a [config file](../guides/configuration.md), or on `app.conf`; camelCase, snake_case and Celery\'s old upper-case names mean the same. `null` is "none", or what the last column says. ' +
      'An unknown name is an error with a suggestion. What is marked as *accepted, not needed* may stay in a configuration that is shared with Python; ' +
      'what is *accepted, without effect* would do something in Celery, and a worker warns of it at its start. Environment: `CTQ_BROKER_URL`, `CTQ_RESULT_BACKEND`, `CTQ_APP`, `CTQ_CONFIG`, and `CELERY_BROKER_URL`, `CELERY_RESULT_BACKEND`, `CELERY_APP`. ' +
      "Precedence: flag, environment, config file, the app's own, default.",
    ...chapters.flatMap(({ heading, rows }) => [`## ${plain(heading)}`, table(['setting', 'type', 'default', ''], rows)]),
  ]);
}

function names(key: string, { old }: Setting<unknown>): string {
  return [key, snakeCase(key), ...(old === null ? [] : [old])]
    .filter((name, index, all) => all.indexOf(name) === index)
    .map((name) => code(name))
    .join('<br>');
}

function kind({ kind, unit, choices, minimum }: Setting<unknown>): string {
  const what = choices === undefined ? kind : choices.map((choice) => code(String(choice))).join(', ');
  const least = minimum === undefined || minimum === 0 ? '' : `, at least ${minimum}`;
  return `${what}${unit === undefined ? '' : `, ${unit}`}${least}`;
}

/** What it is for; or that it is accepted and has no effect, and why. */
function about(comment: string, { unread }: Setting<unknown>): string {
  const said = prose(comment);
  if (unread === undefined) return said;
  const effect = unread.kind === 'needless' ? '*Accepted, not needed*' : '*Accepted, without effect*';
  return `${said === '' ? '' : `${said} `}${effect}: ${prose(unread.why)}.`;
}

/** Code stays code, all else is escaped. */
function prose(comment: string): string {
  return comment
    .split(/(`[^`]+`)/)
    .map((part) => (part.startsWith('`') ? part.replaceAll('|', String.raw`\|`) : plain(part)))
    .join('');
}
