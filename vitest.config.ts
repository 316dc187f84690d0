import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { configDefaults, defineConfig } from 'vitest/config';
import { SlowestFirst } from './test/support/slowest-first.js';

const { version } = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8')) as { version: string };

/** Scripts in other languages are text to import, as in the bundle. */
const scriptsAsText = {
  name: 'scripts-as-text',
  enforce: 'pre' as const,
  load: (id: string) => (/\.(lua|bash|zsh|fish|ps1)$/.test(id) ? `export default ${JSON.stringify(readFileSync(id, 'utf8'))};` : undefined),
};

/** They share nothing but modules, and loading these takes longer than most of them: one process runs many of their files. */
const UNITS = ['test/unit/**/*.test.ts', 'test/types/**/*.test.ts'];

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
    projects: [
      { extends: true, test: { name: 'units', include: UNITS, isolate: false } },
      {
        extends: true,
        test: { name: 'whole', include: ['test/**/*.test.ts', 'examples/**/*.test.ts'], exclude: [...configDefaults.exclude, ...UNITS] },
      },
    ],
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
    restoreMocks: true,
    unstubEnvs: true,
    // One line a file unless something fails; tools/test.mjs adds its own.
    reporters: process.env['CI'] === undefined ? ['default'] : [['default', { summary: false }]],
  },
});
