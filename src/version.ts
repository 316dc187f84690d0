/** The package's version, put in by the build (and by vitest's settings) from package.json. */
declare const __CTQ_VERSION__: string;

export const CTQ_VERSION: string = __CTQ_VERSION__;
