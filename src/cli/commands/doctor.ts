/** `ctq doctor`: looks a live estate over and says what is wrong with it. */
import type { Ctq } from '../../ctq.js';
import { gatherFacts } from '../../ctq/doctor-facts.js';
import type { Facts } from '../../doctor/facts.js';
import type { Finding, Weight } from '../../doctor/finding.js';
import { hasWeight, judge } from '../../doctor/judge.js';
import { type CommandCall, defineCommand, value } from '../command.js';
import { escapeText } from '../escape-text.js';
import { EXIT } from '../exit-codes.js';
import { seconds } from '../option-values.js';
import { type Colour, paintFor } from '../output/colour.js';
import { jsonText } from '../output/json.js';
import { countText } from '../output/number.js';
import { startSpinner } from '../output/spinner.js';
import { isTerminal } from '../output/terminal.js';
import { wrapText } from '../output/wrap.js';
import { openRemote } from '../remote-call.js';
import { tellUnseenResults } from '../unseen-results.js';

const options = {
  timeout: value('-t, --timeout <seconds>', 'wait so long for the next answer of a worker; default 1', seconds),
} as const;

type Call = CommandCall<typeof options>;

/** As `--json` prints it. */
interface DoctorDocument {
  readonly findings: readonly Finding[];
  readonly checked: { readonly stores: readonly string[]; readonly queues: number; readonly workers: readonly string[] };
}

export const doctor = defineCommand({
  name: 'doctor',
  summary: 'look a live estate over, and say what is wrong with it',
  arguments: [],
  options,
  examples: [
    ['ctq doctor -b redis://prod:6379', 'exit code 0 when all is well, 1 when something is to be done'],
    ['ctq doctor --json -t 5', 'for monitoring, with more patience for busy workers'],
    ['ctq doctor -A tasks', 'of the broker and the result backend that an app uses'],
  ],
  async run(call) {
    const app = await openRemote(call);
    const facts = await look(call, app);
    const findings = judge(facts);
    const { context, globals } = call;
    if (globals.json === true) context.stdout.write(`${jsonText(documentOf(facts, findings))}\n`);
    else if (isTerminal(context.stdout)) await show(call, findings);
    else
      for (const { weight, kind, what, remedy } of findings)
        context.stdout.write(`${[weight, kind, what, remedy].map(escapeText).join('\t')}\n`);
    if (globals.json !== true && globals.quiet !== true) context.stderr.write(`${summary(facts, findings)}\n`);
    await tellUnseenResults(call, app);
    return hasWeight(findings) ? EXIT.failed : EXIT.ok;
  },
});

async function look(call: Call, app: Ctq): Promise<Facts> {
  const { context, globals, options: given, signal } = call;
  const spinner = startSpinner(context, 'looking at servers, queues, keys and workers', globals);
  call.defer(() => spinner.stop());
  try {
    return await gatherFacts(app, { timeout: given.timeout, signal });
  } finally {
    spinner.stop();
  }
}

function documentOf({ estates, workers }: Facts, findings: readonly Finding[]): DoctorDocument {
  return {
    findings,
    checked: {
      stores: estates.map(({ url }) => url),
      queues: estates.reduce((sum, { queues }) => sum + queues.length, 0),
      workers: workers.map(({ name }) => name),
    },
  };
}

const COLOURS: Readonly<Record<Weight, Colour>> = { serious: 'red', warning: 'yellow', note: 'dim' };
const INDENT = '         ';
const USUAL_WIDTH = 80;

async function show({ context, globals }: Call, findings: readonly Finding[]): Promise<void> {
  const { stdout } = context;
  const paint = await paintFor(stdout, context.env, globals.noColor);
  const width = stdout.columns || USUAL_WIDTH;
  const told = findings.map(({ weight, kind, what, why, remedy }) => {
    const line = (name: string, text: string): string =>
      `  ${name.padEnd(INDENT.length - 2)}${wrapText(escapeText(text), width, INDENT)}\n`;
    return `${paint(COLOURS[weight], weight.padEnd(INDENT.length - 1))} ${paint('bold', kind)}\n${line('what', what)}${line('why', why)}${line('do', remedy)}`;
  });
  stdout.write(told.join('\n'));
}

function summary({ estates, workers, silentWorkers }: Facts, findings: readonly Finding[]): string {
  const queues = estates.reduce((sum, one) => sum + one.queues.length, 0);
  const seen = `looked at ${[countText(estates.length, 'store'), countText(queues, 'queue'), countText(workers.length + silentWorkers, 'worker')].join(', ')}`;
  if (findings.length === 0) return `nothing found; ${seen}`;
  const counts = (['serious', 'warning', 'note'] as const).flatMap((weight) => {
    const count = findings.filter((finding) => finding.weight === weight).length;
    return count === 0 ? [] : [weight === 'serious' ? `${count} serious` : countText(count, weight)];
  });
  return `${findings.length > 0 ? '\n' : ''}${counts.join(', ')}; ${seen}`;
}
