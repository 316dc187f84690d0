/** The full screen at work: looks, draws, listens to keys, and does what they ask for, until somebody has seen enough. */
import { findFailed } from '../../ctq/failed-tasks.js';
import type { Estate } from '../../estate/estate.js';
import type { CommandCall } from '../command.js';
import { EXIT, Interruption, isCtqError } from '../exit-codes.js';
import { detailsDocument, detailsText } from '../failed-details.js';
import { paintFor } from '../output/colour.js';
import { numberText } from '../output/number.js';
import { foldLine } from '../output/wrap.js';
import { type ActionParts, perform } from './actions.js';
import { type Act, questionOf } from './acts.js';
import { type Line, paintLine } from './line.js';
import type { Poller } from './poller.js';
import { type Effect, type Input, reduce } from './reduce.js';
import { pageOf, render } from './render.js';
import { TerminalScreen } from './screen.js';
import type { TopState } from './state.js';

export interface SessionParts {
  readonly call: Pick<CommandCall, 'context' | 'globals' | 'signal' | 'defer'>;
  readonly poller: Poller;
  readonly estates: readonly Estate[];
  readonly actions: ActionParts;
  readonly beginning: TopState;
}

/** Durations on the screen go on between two looks. */
const TICK_MS = 1_000;

export async function runSession(parts: SessionParts): Promise<number> {
  const { context, globals } = parts.call;
  const paint = await paintFor(context.stdout, context.env, globals.noColor);
  const session = new Session(parts, (line) => paintLine(line, paint));
  parts.call.defer(() => session.close());
  return session.run();
}

class Session {
  readonly #parts: SessionParts;
  readonly #painted: (line: Line) => string;
  readonly #screen: TerminalScreen;
  #state: TopState;
  #closed = false;
  #wake: () => void = () => {};
  #end: (exitCode: number) => void = () => {};
  #fail: (error: unknown) => void = () => {};

  constructor(parts: SessionParts, painted: (line: Line) => string) {
    this.#parts = parts;
    this.#painted = painted;
    this.#state = parts.beginning;
    this.#screen = new TerminalScreen(parts.call.context, {
      key: (key) => this.#take({ kind: 'key', key }),
      changed: () => this.#draw(),
      ended: () => this.#end(EXIT.ok),
    });
  }

  async run(): Promise<number> {
    const ended = new Promise<number>((resolve, reject) => {
      this.#end = resolve;
      this.#fail = reject;
    });
    this.#screen.open();
    this.#draw();
    this.#guard(this.#lookOn());
    this.#guard(this.#tick());
    this.#guard(this.#listen());
    return ended;
  }

  close(): void {
    this.#closed = true;
    this.#wake();
    this.#screen.close();
  }

  #take(input: Input): void {
    if (this.#closed) return;
    const { nowMs } = this.#now();
    const { state, effect } = reduce(this.#state, input, { nowMs, page: pageOf(this.#screen.size) });
    this.#state = state;
    this.#draw();
    if (effect !== undefined) this.#guard(this.#carryOut(effect));
  }

  #draw(): void {
    if (this.#closed) return;
    const lines = render(this.#state, { ...this.#screen.size, ...this.#now() });
    this.#screen.draw(lines.map(this.#painted));
  }

  #now(): { readonly nowMs: number } {
    return { nowMs: this.#parts.call.context.clock.nowMs() };
  }

  async #carryOut(effect: Effect): Promise<void> {
    switch (effect.kind) {
      case 'quit':
        return this.#end(EXIT.ok);
      case 'interrupt':
        return this.#fail(new Interruption('SIGINT'));
      case 'suspend':
        return this.#screen.suspend();
      case 'redraw':
        return this.#screen.refresh();
      case 'look':
        return this.#wake();
      case 'act':
        return this.#act(effect.act);
      case 'scan failures':
        return this.#work('looking through all stored results', async () => {
          const count = await this.#parts.poller.failures.scan();
          return { text: `${numberText(count)} failed tasks found`, tone: 'good' };
        });
      case 'read failure':
        return this.#readFailure(effect.key, effect.id);
    }
  }

  #act(act: Act): Promise<void> {
    return this.#work(questionOf(act).text.replace(/\?.*$/, ''), async () => {
      const outcome = await perform(act, this.#parts.actions);
      if (act.kind === 'retry' && outcome.tone === 'good') this.#parts.poller.failures.forget(act.id, this.#now().nowMs);
      return outcome;
    });
  }

  /** Says what is under way, what became of it, and looks again. */
  async #work(what: string, work: () => ReturnType<typeof perform>): Promise<void> {
    this.#take({ kind: 'notice', notice: { text: what, tone: 'working' } });
    try {
      this.#take({ kind: 'notice', notice: await work() });
    } catch (error) {
      if (this.#parts.call.signal.aborted) return;
      this.#take({ kind: 'notice', notice: { text: error instanceof Error ? error.message : String(error), tone: 'bad' } });
    }
    this.#wake();
  }

  async #readFailure(key: string, id: string): Promise<void> {
    const { estates, call } = this.#parts;
    try {
      const details = await findFailed(estates, id, call.signal);
      if (details === undefined) return;
      const { width } = this.#screen.size;
      const view = { ...this.#now(), width, paint: (_colour: unknown, text: string) => text };
      const text = detailsText(await detailsDocument(details), view);
      const lines = text.trimEnd().split('\n');
      this.#take({ kind: 'details', key, lines: lines.flatMap((line) => foldLine(line, width)) });
    } catch (error) {
      // What the list knows of it stays on the screen.
      if (!isCtqError(error)) throw error;
      this.#take({ kind: 'notice', notice: { text: error.message, tone: 'bad' } });
    }
  }

  /** Never two looks at once, and never more than half of the time. */
  async #lookOn(): Promise<void> {
    const { call, poller } = this.#parts;
    const { clock } = call.context;
    // The first look was before the screen; soon another, for the rates.
    await this.#pause(Math.min(TICK_MS, this.#state.intervalMs));
    while (!this.#closed) {
      const startedMs = clock.monotonicMs();
      if (!this.#state.held) await this.#look(poller);
      const tookMs = clock.monotonicMs() - startedMs;
      await this.#pause(Math.max(this.#state.intervalMs - tookMs, tookMs));
    }
  }

  async #look(poller: Poller): Promise<void> {
    try {
      const snapshot = await poller.look();
      if (!this.#state.held) this.#take({ kind: 'looked', snapshot });
    } catch (error) {
      if (this.#closed || this.#parts.call.signal.aborted) return;
      // The broker is away, and may come back. Anything else is a bug, and is told as one.
      if (!isCtqError(error)) throw error;
      this.#take({ kind: 'problem', text: `${error.message}; trying again` });
    }
  }

  async #listen(): Promise<void> {
    try {
      await this.#parts.poller.listen();
    } catch (error) {
      if (!isCtqError(error)) throw error;
      this.#take({ kind: 'notice', notice: { text: `without events: ${error.message}`, tone: 'bad' } });
    }
  }

  async #tick(): Promise<void> {
    while (!this.#closed) {
      await new Promise<void>((resolve) => {
        this.#parts.call.context.clock.setTimeout(resolve, TICK_MS).unref();
      });
      this.#draw();
    }
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#parts.call.context.clock.setTimeout(resolve, delayMs);
      this.#wake = () => {
        timer.cancel();
        resolve();
      };
    });
  }

  #guard(work: Promise<void>): void {
    work.catch((error: unknown) => this.#fail(error));
  }
}
