/** What every Lua 5.1 takes: Debian's is more patient than the one that Redis and Valkey are built with elsewhere. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const scripts = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.lua'));

describe('a script', () => {
  it('is there to be read', () => {
    expect(scripts.length).toBeGreaterThan(20);
  });

  it.each(scripts)('%s opens no long bracket within another: "nesting of [[...]] is deprecated" is an error there', (file) => {
    const comments = readFileSync(join('src', file), 'utf8').match(/--\[\[[^]*?\]\]/g) ?? [];
    for (const comment of comments) expect(comment.slice('--[['.length)).not.toContain('[[');
  });
});
