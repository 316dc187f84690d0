/** Results, and what lies about that nobody wants any more. */
import type { Check } from '../finding.js';
import { counted } from '../words.js';

export const resultChecks: readonly Check[] = [
  {
    kind: 'results-for-ever',
    weight: 'warning',
    why: 'nothing ever removes them: memory fills until the server refuses to take anything',
    remedy: 'set result_expires (86400 is the default) where they are stored; ctq keys clean --orphans removes those that are there',
    look: ({ estates }) =>
      estates.flatMap(({ url, results: { forEver, all } }) =>
        forEver === 0
          ? []
          : [
              {
                what: `${counted(forEver, 'result')} of ${all.toLocaleString('en-US')} at ${url} ${forEver === 1 ? 'has' : 'have'} no time to live`,
              },
            ],
      ),
  },
  {
    kind: 'nameless-failures',
    weight: 'note',
    why: 'of a failure in a Python worker only its result is left: without name and arguments nobody can see what failed, nor send it again',
    remedy: 'result_extended = True in the settings of Python workers; ctq workers keep the messages of what fails',
    look: ({ nameless }) =>
      nameless === undefined
        ? []
        : [{ what: `failures stored at ${nameless.url} do not say what was called: ${nameless.taskId}, for one` }],
  },
  {
    kind: 'orphans',
    weight: 'warning',
    why: 'nobody reads or removes them any more',
    remedy: 'ctq keys --orphans lists them, ctq keys clean --orphans removes them',
    look: ({ estates }) =>
      estates.flatMap(({ url, orphans }) =>
        [...orphans].flatMap(([reason, count]) => {
          if (count === 0 || reason === 'result without expiry') return [];
          const what = `${url} has ${counted(count, 'orphan')}: ${reason}`;
          return reason === 'unacked without owner'
            ? [{ what, weight: 'serious' as const, why: 'these messages were taken by a worker, and nothing brings them back' }]
            : [{ what }];
        }),
      ),
  },
];
