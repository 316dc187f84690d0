#!/usr/bin/env node
import { existsSync, readFileSync } from 'node:fs';
import module from 'node:module';

const root = new URL('../', import.meta.url);

if (process.argv.length === 3 && process.argv[2] === '--version') {
  // Answered before anything is imported: imports are most of what a start costs.
  process.stdout.write(`${JSON.parse(readFileSync(new URL('package.json', root), 'utf8')).version}\n`);
} else if (!existsSync(new URL('dist/cli/main.js', root))) {
  process.stderr.write('ctq: dist/ is missing (run "npm run build" in a checkout, or install ctq again)\n');
  process.exitCode = 70;
} else {
  // Node 22 keeps compiled code between starts; Node 20 has no such thing.
  module.enableCompileCache?.();
  const { main, processContext } = await import('../dist/cli/main.js');
  const unfinished = (code) => {
    if (code !== 0) return;
    process.stderr.write('ctq: nothing is left that could go on (does a module await something that never comes?)\n');
    process.exitCode = 70;
  };
  process.once('exit', unfinished);
  void main(process.argv.slice(2), processContext()).then((exitCode) => {
    process.off('exit', unfinished);
    process.exitCode = exitCode;
    // What a task module left open (a timer, a pool of connections) must not keep a finished command alive.
    setTimeout(() => process.exit(), 1000).unref();
  });
}
