/**
 * Loads dist/cli/main.cjs together with what V8 made of it at an earlier start. Compiling is a quarter of the time of a
 * `ctq inspect ping`, and only Node 22 keeps compiled code by itself (docs/decisions/0008).
 *
 * What is kept lies beside the file it was made from, and is taken only from those who could as well have changed
 * that file. V8 trusts it blindly, so it carries a checksum. Whatever is wrong with it, the start is only slower.
 */
'use strict';
const { createHash } = require('node:crypto');
const { accessSync, closeSync, constants, fstatSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } = require('node:fs');
const { createRequire } = require('node:module');
const path = require('node:path');
const { pathToFileURL } = require('node:url');
const { Script } = require('node:vm');

const front = path.join(__dirname, '..', 'dist', 'cli', 'main.cjs');
const kept = `${front}.cache`;
const ROOT_UID = 0;
/** So many kinds of starts leave the code they needed; more would be a script's random words. */
const MOST_KINDS = 20;
/** What runs longer than this has forgotten code that it does not need just now. */
const LONG_MS = 5_000;

/** @param {readonly string[]} words - of the command line: what is kept grows with each kind of start. */
exports.loadFront = (words) => {
  const { file, bytes } = readWhole(front);
  // Whatever was built or installed since, and any other Node, has code of its own.
  const of = [file.size, file.mtimeMs, process.version, process.arch].join(' ');
  const known = readKept(of, file.uid);
  const script = new Script(`(function (exports, require, module, __filename, __dirname) {${bytes.toString('utf8')}\n})`, {
    filename: front,
    ...(known === undefined ? {} : { cachedData: known.code }),
  });
  const module = { exports: {}, lateImport: (name) => import(name.startsWith('.') ? new URL(name, pathToFileURL(front)).href : name) };
  script.runInThisContext()(module.exports, createRequire(front), module, front, path.dirname(front));

  const kinds = script.cachedDataRejected === false ? known.kinds : [];
  const kind = kindOf(words);
  /** To be called at the end of a start that went well. */
  const keep = () => {
    const mine = process.getuid?.() ?? file.uid;
    if (kinds.includes(kind) || kinds.length >= MOST_KINDS || process.uptime() * 1000 > LONG_MS) return;
    if (mine !== file.uid && mine !== ROOT_UID) return;
    writeKept(of, [...kinds, kind], script);
  };
  return { ...module.exports, keep };
};

/** Starts of one kind need about the same code: the command, and the engine as far as it can be seen. */
function kindOf(words) {
  const command = words.find((word) => /^[a-z]{1,10}$/.test(word)) ?? '';
  const engine = /\b(?:redis|sqlite|memory|amqp)s?:/.exec(`${words.join(' ')} ${process.env.CTQ_BROKER_URL ?? ''}`)?.[0] ?? '';
  return `${command} ${engine}`;
}

function readWhole(path) {
  const fd = openSync(path, 'r');
  try {
    return { file: fstatSync(fd), bytes: readFileSync(fd) };
  } finally {
    closeSync(fd);
  }
}

function readKept(of, uid) {
  try {
    const { file, bytes } = readWhole(kept);
    if (file.uid !== uid && file.uid !== ROOT_UID) return undefined;
    const end = bytes.indexOf('\n');
    const about = JSON.parse(bytes.toString('utf8', 0, end));
    const code = bytes.subarray(end + 1);
    return about.of === of && about.sum === sumOf(code) ? { code, kinds: about.kinds } : undefined;
  } catch {
    return undefined;
  }
}

function writeKept(of, kinds, script) {
  const fresh = `${kept}.${process.pid}`;
  try {
    accessSync(path.dirname(kept), constants.W_OK);
    const code = script.createCachedData();
    writeFileSync(fresh, Buffer.concat([Buffer.from(`${JSON.stringify({ of, sum: sumOf(code), kinds })}\n`), code]), { flag: 'wx' });
    renameSync(fresh, kept);
  } catch {
    // Installed where this user may not write, or the disk is full.
    rmSync(fresh, { force: true });
  }
}

function sumOf(code) {
  return createHash('sha1').update(code).digest('hex');
}
