/** How a migration goes: a bar on a terminal, a line now and then elsewhere. */
import type { QueueMigration } from '../../ctq/migration.js';
import type { QueueReport } from '../../estate/queues.js';
import type { CommandCall } from '../command.js';
import { escapeText } from '../escape-text.js';
import { numberText } from '../output/number.js';
import { progressText } from '../output/progress.js';
import { type Spinner, startSpinner } from '../output/spinner.js';
import { isTerminal } from '../output/terminal.js';

/** Between two lines where nothing can be drawn over. */
const LINE_EVERY_MS = 5_000;

export interface Outlook {
  readonly reports: readonly QueueReport[];
  readonly limit: number | undefined;
  /** Then nobody knows beforehand how many there are. */
  readonly filtered: boolean;
}

export class MigrationView {
  readonly #call: Pick<CommandCall, 'context' | 'globals'>;
  readonly #spinner: Spinner;
  /** undefined when it is not known. */
  readonly #total: number | undefined;
  #before = 0;
  #toldAtMs: number;

  constructor(call: Pick<CommandCall, 'context' | 'globals'>, { reports, limit = Number.POSITIVE_INFINITY, filtered }: Outlook) {
    this.#call = call;
    const waiting = reports.reduce((sum, { ready, delayed }) => sum + ready + (delayed ?? 0), 0);
    this.#total = filtered ? undefined : Math.min(waiting, limit);
    this.#spinner = startSpinner(call.context, 'moving', call.globals);
    this.#toldAtMs = call.context.clock.monotonicMs();
  }

  progress(queue: string, moved: number): void {
    const all = this.#before + moved;
    const where = escapeText(queue);
    this.#spinner.say(
      this.#total === undefined || this.#total === 0
        ? `${where}: ${numberText(all)} moved`
        : progressText({ current: all, total: Math.max(this.#total, all), status: where }),
    );
    const { context, globals } = this.#call;
    const nowMs = context.clock.monotonicMs();
    if (globals.quiet === true || isTerminal(context.stderr) || nowMs - this.#toldAtMs < LINE_EVERY_MS) return;
    this.#toldAtMs = nowMs;
    context.stderr.write(`ctq: ${numberText(all)}${this.#total === undefined ? '' : ` of ${numberText(this.#total)}`} moved (${where})\n`);
  }

  done({ moved }: QueueMigration): void {
    this.#before += moved;
  }

  stop(): void {
    this.#spinner.stop();
  }
}
