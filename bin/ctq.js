#!/usr/bin/env node
// CommonJS, as package.json beside it says: the loader of ES modules would cost five milliseconds.
'use strict';
const { existsSync, readFileSync } = require('node:fs');
const module_ = require('node:module');
const path = require('node:path');

const root = path.join(__dirname, '..');
const front = path.join(root, 'dist', 'cli', 'main.cjs');

/** Node 22 keeps compiled code between starts; for Node 20 we do. Who measures or debugs gets what is written. */
function load() {
  const { NODE_DISABLE_COMPILE_CACHE, NODE_OPTIONS, NODE_V8_COVERAGE } = process.env;
  module_.enableCompileCache?.();
  const ours = module_.enableCompileCache === undefined && process.execArgv.length === 0;
  if (!ours || NODE_DISABLE_COMPILE_CACHE || NODE_OPTIONS || NODE_V8_COVERAGE) return require(front);
  return require('./front.js').loadFront(process.argv.slice(2));
}

if (process.argv.length === 3 && process.argv[2] === '--version') {
  // Answered before anything is loaded: loading is most of what a start costs.
  process.stdout.write(`${JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')).version}\n`);
} else if (!existsSync(front)) {
  process.stderr.write('ctq: dist/ is missing (run "npm run build" in a checkout, or install ctq again)\n');
  process.exitCode = 70;
} else {
  const { main, processContext, keep } = load();
  const unfinished = (code) => {
    if (code !== 0) return;
    process.stderr.write('ctq: nothing is left that could go on (does a module await something that never comes?)\n');
    process.exitCode = 70;
  };
  process.once('exit', unfinished);
  void main(process.argv.slice(2), processContext()).then((exitCode) => {
    process.off('exit', unfinished);
    process.exitCode = exitCode;
    if (exitCode === 0) keep?.();
    // What a task module left open (a timer, a pool of connections) must not keep a finished command alive.
    // Whoever waits for a completion is in the middle of typing.
    setTimeout(() => process.exit(), process.argv[2] === '__complete' ? 0 : 1000).unref();
    // Nothing is left to do: the memory need not be tidied up, which takes five milliseconds. Unless others have last words.
    process.once('beforeExit', () => {
      if (process.listenerCount('beforeExit') === 0) process.exit();
    });
  });
}
