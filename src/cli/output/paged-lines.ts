/** Many short lines for standard output, written by the page. */
import type { TerminalStream } from '../context.js';
import { writeWhole } from './terminal.js';

/** So much is written at once; on a terminal each writing draws what moves anew. */
const PAGE_LENGTH = 8_192;

/** Lines that are known together are written together, and none waits for the next input. */
export class PagedLines {
  readonly #stream: TerminalStream;
  #page = '';
  #written: Promise<void> = Promise.resolve();
  #isDue = false;

  constructor(stream: TerminalStream) {
    this.#stream = stream;
  }

  async write(line: string): Promise<void> {
    this.#page += line;
    if (this.#page.length >= PAGE_LENGTH) return this.flush();
    if (this.#isDue) return;
    this.#isDue = true;
    setImmediate(() => {
      this.#isDue = false;
      // Whoever writes or flushes next hears of it.
      this.flush().catch(() => {});
    });
  }

  flush(): Promise<void> {
    const text = this.#page;
    this.#page = '';
    if (text !== '') this.#written = this.#written.then(() => writeWhole(this.#stream, text));
    return this.#written;
  }
}
