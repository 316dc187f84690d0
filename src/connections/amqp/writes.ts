/**
 * Hands the socket together what the driver writes in one turn: it writes each frame by itself, and a
 * thousand acknowledgements would be a thousand system calls.
 */
export interface ByteSink {
  write(...args: readonly unknown[]): boolean;
  cork(): void;
  uncork(): void;
}

export function gatherWrites(sink: ByteSink): void {
  const write = sink.write.bind(sink);
  let gathering = false;
  sink.write = (...args) => {
    if (!gathering) {
      gathering = true;
      sink.cork();
      process.nextTick(() => {
        gathering = false;
        sink.uncork();
      });
    }
    return write(...args);
  };
}
