/** Completion in PowerShell: Debian has none to try it in, so a grammar reads the script, and its words are those that the other shells have. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Language, Parser } from 'web-tree-sitter';
import { beforeAll, describe, expect, it } from 'vitest';
import { projectRoot } from '../support/ctq-process.js';

const grammar = createRequire(import.meta.url).resolve('tree-sitter-powershell/tree-sitter-powershell.wasm');
const read = (name: string): string => readFileSync(join(projectRoot, 'completions', name), 'utf8');

describe('the script for PowerShell', () => {
  const script = read('ctq.ps1');
  let parser: Parser;

  beforeAll(async () => {
    await Parser.init();
    parser = new Parser();
    parser.setLanguage(await Language.load(grammar));
  });
  const isWrong = (text: string): boolean | undefined => parser.parse(text)?.rootNode.hasError;

  it('is PowerShell', () => {
    expect(isWrong(script)).toBe(false);
    expect(isWrong(script.replace('{ return }', '{ return'))).toBe(true);
    expect(isWrong(script.replace("ctq''s words'", "ctq's words'"))).toBe(true);
  });

  it('has the words of the script for fish, each with its scope, its values and its summary', () => {
    const rows = [...script.matchAll(/^ {4}'(.*)'$/gm)].map(([, row = '']) => row.replaceAll("''", "'"));
    expect(rows.length).toBeGreaterThan(300);
    const fish = read('ctq.fish').replaceAll(String.raw`\'`, "'");
    expect(rows.filter((row) => !fish.includes(row))).toEqual([]);
  });
});
