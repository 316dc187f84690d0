/**
 * A process of Node's with an IPC channel in its plain form: 90,000 messages a second where the
 * `advanced` one does 12,500, and what must survive JSON is text already.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { entryPoint } from '../../entry-points.js';
import type { FromChild, ToChild } from '../child-messages.js';
import { eachLine } from '../lines.js';
import type { Member, MemberEvents } from '../member.js';

/** What the channel still holds of a child that is gone comes within this time. */
const LAST_MESSAGES_MS = 250;

/** Looking takes 50 ms on an idle machine. */
const ANSWER_LIMIT_MS = 2_000;

export class ForkedMember implements Member {
  readonly name: string;
  readonly pid: number;
  private readonly child: ChildProcess;
  private readonly events: MemberEvents;
  private isGone = false;

  constructor(name: string, events: MemberEvents) {
    this.name = name;
    this.events = events;
    this.child = fork(fileURLToPath(entryPoint('child')), [], {
      // The last one is held open as long as we live; the child's watch sees it close.
      stdio: ['ignore', 'pipe', 'pipe', 'ipc', 'pipe'],
      serialization: 'json',
      // A debugger has one port, and that is the parent's.
      execArgv: process.execArgv.filter((option) => !option.startsWith('--inspect')),
    });
    this.pid = this.child.pid ?? 0;
    this.listen();
  }

  send(message: ToChild): void {
    // Whatever cannot be sent any more is sent to somebody who is gone, and that is told anyway.
    if (this.child.connected) this.child.send(message, () => {});
  }

  /** The watch in the child answers, for the event loop of one that computes hears nothing. */
  stack(): Promise<readonly string[] | undefined> {
    const pipe = this.child.stdio[4];
    if (!(pipe instanceof Socket) || pipe.destroyed) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const answered = (line?: string): void => {
        clearTimeout(timer);
        pipe.off('data', hear);
        resolve(line === undefined ? undefined : readFrames(line));
      };
      let text = '';
      const hear = (chunk: Buffer): void => {
        text += chunk.toString('utf8');
        if (text.includes('\n')) answered(text.slice(0, text.indexOf('\n')));
      };
      const timer = setTimeout(answered, ANSWER_LIMIT_MS);
      pipe.on('data', hear);
      pipe.write('?');
    });
  }

  kill(): void {
    this.child.kill('SIGKILL');
  }

  private listen(): void {
    const { child, events } = this;
    // A task may say something to its parent, too: nobody listens.
    child.on('message', (message: Partial<FromChild> | null) => {
      if (typeof message?.kind === 'string') events.message(message as FromChild);
    });
    // It was never there.
    child.on('error', (error) => {
      if (child.pid === undefined) this.gone(null, null, `could not be started: ${error.message}`);
    });
    child.on('exit', (code, signal) => {
      const gone = (): void => this.gone(code, signal);
      if (!child.connected) gone();
      // What it said last is still in the channel.
      else {
        child.once('disconnect', gone);
        setTimeout(gone, LAST_MESSAGES_MS);
      }
    });
    for (const stream of [child.stdout, child.stderr]) if (stream !== null) eachLine(stream, (line) => events.printed(line));
    child.stdio[4]?.on('error', () => {});
  }

  private gone(exitCode: number | null, signal: string | null, detail?: string): void {
    if (this.isGone) return;
    this.isGone = true;
    this.events.gone({ exitCode, signal, ...(detail === undefined ? {} : { detail }) });
    this.child.stdio[4]?.destroy();
  }
}

/** What the child says is told on, and nothing more is made of it. */
function readFrames(line: string): readonly string[] | undefined {
  try {
    const frames: unknown = JSON.parse(line);
    return Array.isArray(frames) ? frames.map(String) : undefined;
  } catch {
    return undefined;
  }
}
