/** For programs that are killed: what was said is said, also when that is the moment after. */
import { writeSync } from 'node:fs';

const nap = new Int32Array(new SharedArrayBuffer(4));
export const say = (text: string): void => {
  for (let rest = Buffer.from(`${text}\n`); rest.length > 0; ) {
    try {
      rest = rest.subarray(writeSync(1, rest));
    } catch (error) {
      // The pipe is full: whoever reads it is busy.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      Atomics.wait(nap, 0, 0, 1);
    }
  }
};
