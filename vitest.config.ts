import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { SlowestFirst } from './test/support/slowest-first.js';

const { version } = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8')) as { version: string };

/** Scripts in other languages are text to import, as in the bundle. */
const scriptsAsText = {
  name: 'scripts-as-text',
  enforce: 'pre' as const,
  load: (id: string) => (/\.(lua|bash|zsh|fish|ps1)$/.test(id) ? `export default ${JSON.stringify(readFileSync(id, 'utf8'))};` : undefined),
};

export default defineConfig({
  define: { __CTQ_VERSION__: JSON.stringify(version) },
  plugins: [scriptsAsText],
  // Examples and task modules say what users say.
  resolve: {
    alias: [
      { find: /^ctq$/, replacement: fileURLToPath(new URL('src/index.ts', import.meta.url)) },
      { find: /^ctq\/testing$/, replacement: fileURLToPath(new URL('src/testing.ts', import.meta.url)) },
    ],
  },
  test: {
    watch: false,
    include: ['test/**/*.test.ts', 'examples/**/*.test.ts'],
    // Files share nothing but modules, and what one has started ends with it (test/support/each-file.ts); to load the modules for each file
    // anew would take a tenth of the time.
    isolate: false,
    globalSetup: ['test/support/global-setup.ts'],
    setupFiles: ['test/support/each-file.ts'],
    // Processes, not threads: tests send themselves signals, and native and wasm modules are loaded.
    pool: 'forks',
    // Fault and interop tests mostly wait for other processes (measured: 0.1 to 0.5 of a core each), so three files more than there are
    // cores pay.
    maxWorkers: 5,
    sequence: { sequencer: SlowestFirst },
    // What passes never waits for it; what runs beside others may take long.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Its own second is nothing on a busy machine.
    expect: { poll: { timeout: 20_000 } },
    restoreMocks: true,
    unstubEnvs: true,
    // One line a file unless something fails; tools/test.mjs adds its own.
    reporters: process.env['CI'] === undefined ? ['default'] : [['default', { summary: false }]],
  },
});
