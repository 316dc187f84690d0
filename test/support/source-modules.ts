/** Reads the modules of `src/`: what each imports and what it exports, from the syntax tree. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { parseSync } from 'oxc-parser';
import { projectRoot } from './ctq-process.js';

export interface ImportLine {
  readonly line: number;
  /** As written: `./keys.js`, `node:fs`, `ioredis`. */
  readonly specifier: string;
  /** Path below `src/` for files of ours: `brokers/redis/keys.ts`. */
  readonly target: string | undefined;
  readonly kind: 'static' | 'dynamic' | 'type';
}

export interface SourceModule {
  /** Path below `src/`, with `/`. */
  readonly path: string;
  readonly text: string;
  readonly lines: readonly string[];
  readonly imports: readonly ImportLine[];
  readonly problems: readonly Finding[];
}

export interface Finding {
  readonly line: number;
  readonly what: string;
}

interface Node {
  readonly type: string;
  readonly start: number;
  readonly [key: string]: unknown;
}

const srcFolder = join(projectRoot, 'src');

export function readSourceModules(): SourceModule[] {
  return readdirSync(srcFolder, { recursive: true, encoding: 'utf8' })
    .filter((path) => /\.[cm]?tsx?$/.test(path) && !path.endsWith('.d.ts'))
    .map((path) => path.replaceAll('\\', '/'))
    .toSorted()
    .map(readModule);
}

function readModule(path: string): SourceModule {
  return parseModule(path, readFileSync(join(srcFolder, path), 'utf8'));
}

/** @param path - Where below `src/` the text stands; decides what its relative imports mean. */
export function parseModule(path: string, text: string): SourceModule {
  const { program, errors } = parseSync(path, text);
  if (errors.length > 0) throw new Error(`src/${path} is not TypeScript: ${errors[0]?.message}`);
  const lineOf = (node: Node): number => text.slice(0, node.start).split('\n').length;
  const imports: ImportLine[] = [];
  const problems: Finding[] = [];
  const root = program as unknown as Node;
  walk(root, (node) => {
    const found = importOf(node);
    if (found !== undefined) imports.push({ ...found, line: lineOf(node), target: targetOf(path, found.specifier) });
    if (node.type === 'TSAnyKeyword') problems.push({ line: lineOf(node), what: 'any' });
    if (node.type === 'ExportDefaultDeclaration') problems.push({ line: lineOf(node), what: 'default export' });
  });
  for (const flag of booleanParameters(root)) problems.push({ line: lineOf(flag), what: 'boolean parameter' });
  return { path, text, lines: text.split('\n'), imports, problems };
}

function importOf(node: Node): Pick<ImportLine, 'specifier' | 'kind'> | undefined {
  switch (node.type) {
    case 'ImportDeclaration':
      return { specifier: literal(node['source']), kind: node['importKind'] === 'type' ? 'type' : 'static' };
    case 'ExportNamedDeclaration':
    case 'ExportAllDeclaration':
      if (node['source'] === null || node['source'] === undefined) return undefined;
      return { specifier: literal(node['source']), kind: node['exportKind'] === 'type' ? 'type' : 'static' };
    case 'ImportExpression':
      return isLiteral(node['source']) ? { specifier: literal(node['source']), kind: 'dynamic' } : undefined;
    case 'TSImportType':
      return { specifier: literal(node['source'] ?? node['argument']), kind: 'type' };
    case 'CallExpression': {
      // `require('x')`, whatever it was made with, and `createRequire(import.meta.url)('x')`.
      const [first] = node['arguments'] as readonly unknown[];
      const callee = node['callee'] as Node;
      const requires = callee.type === 'Identifier' ? callee['name'] === 'require' : isCreateRequire(callee);
      return requires && isLiteral(first) ? { specifier: literal(first), kind: 'dynamic' } : undefined;
    }
    default:
      return undefined;
  }
}

function isCreateRequire(callee: Node): boolean {
  return callee.type === 'CallExpression' && (callee['callee'] as Node)['name'] === 'createRequire';
}

function isLiteral(node: unknown): boolean {
  return typeof node === 'object' && node !== null && typeof (node as Node)['value'] === 'string';
}

function literal(node: unknown): string {
  const inner = (node as Node | undefined)?.['literal'] ?? node;
  return String((inner as Node)['value']);
}

function targetOf(from: string, specifier: string): string | undefined {
  if (!specifier.startsWith('.')) return undefined;
  return relative(srcFolder, join(srcFolder, dirname(from), specifier))
    .replaceAll('\\', '/')
    .replace(/\.js$/, '.ts');
}

/** Parameters of type boolean in functions and public methods that the module exports. */
function booleanParameters(program: Node): Node[] {
  const found: Node[] = [];
  for (const statement of program['body'] as readonly Node[]) {
    if (statement.type !== 'ExportNamedDeclaration') continue;
    const declaration = statement['declaration'] as Node | null;
    for (const callable of declaration === null ? [] : callablesOf(declaration)) {
      found.push(...(callable['params'] as readonly Node[]).filter(isBoolean));
    }
  }
  return found;
}

function callablesOf(declaration: Node): readonly Node[] {
  switch (declaration.type) {
    case 'FunctionDeclaration':
      return [declaration];
    case 'VariableDeclaration':
      return (declaration['declarations'] as readonly Node[])
        .map(({ init }) => init as Node | null)
        .filter((init) => init !== null)
        .filter(({ type }) => type === 'ArrowFunctionExpression' || type === 'FunctionExpression');
    case 'ClassDeclaration':
      return ((declaration['body'] as Node)['body'] as readonly Node[])
        .filter((member) => member.type === 'MethodDefinition' && member['kind'] !== 'set')
        .filter((member) => member['accessibility'] !== 'private' && (member['key'] as Node).type !== 'PrivateIdentifier')
        .map(({ value }) => value as Node);
    case 'TSInterfaceDeclaration':
      return ((declaration['body'] as Node)['body'] as readonly Node[]).filter(({ type }) => type === 'TSMethodSignature');
    default:
      return [];
  }
}

function isBoolean(parameter: Node): boolean {
  if (parameter.type === 'AssignmentPattern') {
    return typeof (parameter['right'] as Node)['value'] === 'boolean' || isBoolean(parameter['left'] as Node);
  }
  const annotation = (parameter['typeAnnotation'] as Node | null | undefined)?.['typeAnnotation'] as Node | undefined;
  return annotation?.type === 'TSBooleanKeyword';
}

function walk(node: Node, visit: (node: Node) => void): void {
  visit(node);
  for (const value of Object.values(node)) {
    if (Array.isArray(value)) for (const item of value) enter(item, visit);
    else enter(value, visit);
  }
}

function enter(value: unknown, visit: (node: Node) => void): void {
  if (typeof value === 'object' && value !== null && typeof (value as Node).type === 'string') walk(value as Node, visit);
}
