/**
 * docs/reference/api.md: what src/index.ts exports, with its TSDoc, as a reader of the types sees it: without
 * bodies, initial values and private members. From the syntax tree, for the compiler has no programming interface
 * that typedoc could use.
 */
import { readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { parseSync } from 'oxc-parser';

const GROUPS = [
  ['The app', /ctq\.ts$|ctq\/|config\//],
  ['Tasks', /task\.ts$|execution\//],
  ['Calls and results', /client\//],
  ['Canvas', /canvas\/|protocol\/signature/],
  ['Schedules', /beat\//],
  ['Remote control', /remote-control\//],
  ['Events', /events\//],
  ['Errors', /errors\.ts$/],
  ['Further types', /./],
];

/** @returns The page. */
export function apiReference(root) {
  const exported = exportsOf(root, 'src/index.ts');
  const groups = GROUPS.map(([heading]) => ({ heading, entries: [] }));
  for (const one of exported) {
    const place = GROUPS.findIndex(([, pattern]) => pattern.test(one.file));
    groups[place].entries.push({ ...one, ...describe(root, one.name, one.file) });
  }
  const parts = [
    '<!-- Made by "npm run generate": change the code it is made from. -->',
    '# The library',
    "What `import { … } from 'ctq'` has, and under [Testing](#testing) what `'ctq/testing'` has. Times are seconds, as in Celery, unless a name ends in `Ms`.",
    ...groups.filter(({ entries }) => entries.length > 0).flatMap(chapter),
    ...chapter({
      heading: 'Testing',
      entries: exportsOf(root, 'src/testing.ts').map(({ name, file }) => Object.assign(describe(root, name, file), { name })),
    }),
  ];
  return `${parts.join('\n\n')}\n`;
}

function exportsOf(root, entry) {
  return read(root, entry).program.body.flatMap((statement) =>
    statement.type === 'ExportNamedDeclaration' && statement.source !== null
      ? statement.specifiers.map(({ exported }) => ({ name: exported.name, file: resolve(entry, statement.source.value) }))
      : [],
  );
}

function chapter({ heading, entries }) {
  return [`## ${heading}`].concat(entries.toSorted((a, b) => (a.name < b.name ? -1 : 1)).flatMap(entryText));
}

function entryText({ name, docs, code }) {
  return [`### ${name}`, ...docs, ['```ts', code, '```'].join('\n')];
}

const parsed = new Map();

function read(root, file) {
  if (!parsed.has(file)) {
    const text = readFileSync(join(root, file), 'utf8');
    const { program, comments, errors } = parseSync(file, text);
    if (errors.length > 0) throw new Error(`${file}: ${errors[0].message}`);
    parsed.set(file, { file, text, program, comments });
  }
  return parsed.get(file);
}

function resolve(from, specifier) {
  return normalize(join(dirname(from), specifier))
    .replaceAll('\\', '/')
    .replace(/\.js$/, '.ts');
}

/** Follows `export … from` to where the name is declared. */
function describe(root, name, file) {
  const module = read(root, file);
  const found = module.program.body.filter((statement) => declares(statement, name));
  if (found.length > 0) {
    // The implementation of overloads is not for callers.
    const shown = found.some(({ declaration }) => declaration.type === 'TSDeclareFunction')
      ? found.filter(({ declaration }) => declaration.type === 'TSDeclareFunction')
      : found;
    const first = docBefore(module, shown[0].start);
    return {
      docs: first === undefined ? [] : prose(first),
      code: shown.map((one) => declarationText(module, one.declaration, name)).join('\n'),
    };
  }
  for (const statement of module.program.body) {
    if (statement.type !== 'ExportNamedDeclaration' || statement.source === null) continue;
    const specifier = statement.specifiers.find(({ exported }) => exported.name === name);
    if (specifier !== undefined) return describe(root, specifier.local.name, resolve(file, statement.source.value));
  }
  throw new Error(`${file} does not declare ${name}`);
}

function declares(statement, name) {
  if (statement.type !== 'ExportNamedDeclaration' || statement.declaration === null || statement.declaration === undefined) return false;
  const { declaration } = statement;
  if (declaration.type === 'VariableDeclaration') return declaration.declarations.some(({ id }) => id.name === name);
  return declaration.id?.name === name;
}

function docBefore({ text, comments }, start) {
  const comment = comments.findLast(({ type, end }) => type === 'Block' && end <= start);
  if (comment === undefined || !comment.value.startsWith('*')) return undefined;
  // A word to the linter may stand between them.
  const between = text.slice(comment.end, start).replaceAll(/^\s*\/\/.*$/gm, '');
  return between.trim() === '' ? comment.value.replaceAll(/^\s*\*? ?/gm, '').trim() : undefined;
}

/** TSDoc → paragraphs. */
function prose(doc) {
  const [text = '', ...tags] = `\n${doc}`.split(/^(?=@\w+)/m);
  const flowing = (part) =>
    part
      .trim()
      .split(/\n{2,}/)
      .map((paragraph) => (paragraph.includes('```') ? paragraph : paragraph.replaceAll(/\s*\n/g, ' ')))
      .map((paragraph) => escape(paragraph.replaceAll(/\{@link (\w+)\}/g, '`$1`')));
  const lines = tags.map((tag) => {
    const [, name = '', rest = ''] = /^@(\w+)\s*([\s\S]*)$/.exec(tag) ?? [];
    const words = { param: 'Parameter', typeParam: 'Type', returns: 'Returns:', throws: 'Throws', remarks: 'Remark:', example: 'Example:' };
    const shown = name === 'param' || name === 'typeParam' ? rest.replace(/^(\w+)\s*-?\s*/, '`$1`: ') : rest;
    return `* ${words[name] ?? name} ${flowing(shown).join(' ')}`;
  });
  return [...(text.trim() === '' ? [] : flowing(text)), ...(lines.length === 0 ? [] : [lines.join('\n')])];
}

/** Code stays as it is, the rest must not look like markup. */
function escape(text) {
  return text
    .split(/(```[\s\S]*?```|`[^`]*`)/)
    .map((part) => (part.startsWith('`') ? part : part.replaceAll(/[<*[\]]/g, (character) => `\\${character}`)))
    .join('');
}

/** The declaration as a .d.ts would have it, with the comments on its members. */
function declarationText(module, declaration, name) {
  const { text } = module;
  switch (declaration.type) {
    case 'ClassDeclaration':
      return classText(module, declaration);
    case 'FunctionDeclaration':
    case 'TSDeclareFunction':
      return `${signature(text, declaration, declaration.start)};`;
    case 'VariableDeclaration': {
      const one = declaration.declarations.find(({ id }) => id.name === name);
      if (one.id.typeAnnotation) return `const ${text.slice(one.id.start, one.id.typeAnnotation.end)};`;
      return one.init?.type === 'ArrowFunctionExpression' ? `const ${name}: ${arrowType(text, one.init)};` : `const ${name};`;
    }
    default:
      return text.slice(declaration.start, declaration.end);
  }
}

function arrowType(text, arrow) {
  const from = arrow.typeParameters?.start ?? arrow.start;
  return text.slice(from, arrow.body.start).trim();
}

/** Up to the body. */
function signature(text, callable, start) {
  return text
    .slice(start, callable.body?.start ?? callable.end)
    .trim()
    .replace(/;$/, '');
}

function classText(module, declaration) {
  const { text } = module;
  const members = declaration.body.body.filter(isPublic);
  const overloaded = new Set(members.filter((one) => one.value?.type === 'TSEmptyBodyFunctionExpression').map(keyOf));
  const lines = members
    .filter((one) => !(overloaded.has(keyOf(one)) && one.value?.type === 'FunctionExpression'))
    .map((one) => memberText(module, one));
  const head = text.slice(declaration.start, declaration.body.start).trim();
  return `${head} {\n${lines.join('\n')}\n}`;
}

const keyOf = (member) => member.key?.name;

function isPublic(member) {
  if (member.accessibility === 'private' || member.accessibility === 'protected' || member.type === 'StaticBlock') return false;
  if (member.key?.type === 'PrivateIdentifier' || member.declare) return false;
  // `[Symbol.asyncDispose]` is for users, `[BRAND]` is not.
  return !member.computed || member.key.type === 'MemberExpression';
}

function memberText({ text, comments }, member) {
  const comment = comments.findLast(({ end }) => end <= member.start);
  const doc =
    comment !== undefined &&
    comment.type === 'Block' &&
    comment.value.startsWith('*') &&
    text.slice(comment.end, member.start).trim() === '';
  const shown =
    member.type === 'MethodDefinition' || member.type === 'TSAbstractMethodDefinition' ? methodText(text, member) : fieldText(text, member);
  return `${doc ? `  ${text.slice(comment.start, comment.end)}\n` : ''}  ${shown.replace(/^(override |async |\*)+/, '')};`;
}

function methodText(text, member) {
  return text
    .slice(member.start, member.value.body?.start ?? member.end)
    .trim()
    .replace(/;$/, '');
}

function fieldText(text, member) {
  const until = member.typeAnnotation?.end ?? member.key.end;
  const shown = text.slice(member.start, until);
  if (member.typeAnnotation || member.value === null) return shown;
  if (member.value.type === 'ArrowFunctionExpression') return `${shown}: ${arrowType(text, member.value)}`;
  return member.value.type === 'Literal' ? `${shown} = ${text.slice(member.value.start, member.value.end)}` : shown;
}
