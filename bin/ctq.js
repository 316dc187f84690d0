#!/usr/bin/env node
import { existsSync, readFileSync } from 'node:fs';

const root = new URL('../', import.meta.url);

if (process.argv.length === 3 && process.argv[2] === '--version') {
  // Answered before anything is imported: imports are most of what a start costs.
  process.stdout.write(`${JSON.parse(readFileSync(new URL('package.json', root), 'utf8')).version}\n`);
} else if (!existsSync(new URL('dist/cli/main.js', root))) {
  process.stderr.write('ctq: dist/ is missing (run "npm run build" in a checkout, or install ctq again)\n');
  process.exitCode = 70;
} else {
  const { main, processContext } = await import('../dist/cli/main.js');
  process.exitCode = await main(process.argv.slice(2), processContext());
  // What a task module left open (a timer, a pool of connections) must not keep a finished command alive.
  setTimeout(() => process.exit(), 1000).unref();
}
