/**
 * The WebAssembly of bzip2-wasm, without what its loader leaves in the process that loads it: `require` and `__dirname` as globals, which
 * make other code take us for CommonJS; a hundred globals for symbols that it does not have; and listeners that throw whatever nobody
 * has caught, so that a stray rejection would end a worker that only logs it (stray-errors.ts).
 */

/** What we use of the emscripten module inside bzip2-wasm. */
export interface Bzip2Module {
  readonly HEAPU8: Uint8Array;
  _malloc(size: number): number;
  _free(pointer: number): void;
  getValue(pointer: number, type: 'i32'): number;
  setValue(pointer: number, value: number, type: 'i32'): void;
  _BZ2_bzBuffToBuffCompress(
    to: number,
    toLength: number,
    from: number,
    length: number,
    block: number,
    verbose: number,
    work: number,
  ): number;
  _BZ2_bzBuffToBuffDecompress(to: number, toLength: number, from: number, length: number, small: number, verbose: number): number;
}

type Listener = (...args: unknown[]) => void;

export async function loadBzip2Module(): Promise<Bzip2Module> {
  // @ts-expect-error -- the package has no types.
  const { default: BZip2 } = (await import('bzip2-wasm')) as { default: new () => { wasmModule: Bzip2Module; init(): Promise<void> } };
  const instance = new BZip2();
  const globals = new Map(['require', '__dirname'].map((name) => [name, Object.getOwnPropertyDescriptor(globalThis, name)]));
  const listeners: [event: string, listener: Listener][] = [];
  // Somebody else may begin to listen at the same time: who calls is seen on the stack.
  const note = (event: string, listener: Listener): void => {
    if (new Error('who listens').stack?.includes('bzip2-wasm') === true) listeners.push([event, listener]);
  };
  process.on('newListener', note);
  try {
    await instance.init();
  } finally {
    process.off('newListener', note);
    for (const [event, listener] of listeners) process.off(event, listener);
    restoreGlobals(globals);
  }
  return instance.wasmModule;
}

function restoreGlobals(before: ReadonlyMap<string, PropertyDescriptor | undefined>): void {
  for (const [name, descriptor] of before) {
    if (descriptor === undefined) Reflect.deleteProperty(globalThis, name);
    else Object.defineProperty(globalThis, name, descriptor);
  }
  for (const [name, descriptor] of Object.entries(Object.getOwnPropertyDescriptors(globalThis))) {
    // Emscripten's getters that say what to link when something is missing.
    if (String(Reflect.get(descriptor, 'get')).includes('is a library symbol')) Reflect.deleteProperty(globalThis, name);
  }
}
