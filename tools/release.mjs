/**
 * `npm run release -- <version | patch | minor | major>`: says whether a release may be made, and what it would be. Changes nothing.
 *
 *   --write       makes it: the changelog's section and the version, in one commit with a tag; nothing is pushed or published
 *   --no-tests    leaves out the slow check, for a look
 *
 * Publishing is .github/workflows/release.yml's, which a pushed tag starts: there with provenance, and only there.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

const VERSION = /^(\d+)\.(\d+)\.(\d+)(?:-[0-9A-Za-z.-]+)?$/;

/** `0.1.0` and `minor` give `0.2.0`; a version stays what it is. Undefined for what is neither. */
export function nextVersion(current, wanted) {
  if (VERSION.test(wanted)) return wanted;
  const [, major, minor, patch] = (VERSION.exec(current) ?? []).map(Number);
  if (wanted === 'major') return `${major + 1}.0.0`;
  if (wanted === 'minor') return `${major}.${minor + 1}.0`;
  if (wanted === 'patch') return `${major}.${minor}.${patch + 1}`;
  return undefined;
}

/** Pre-releases count as older than what they lead to; among themselves they are not told apart. */
export function isNewer(version, than) {
  const [a, b] = [version, than].map((text) => VERSION.exec(text).slice(1, 4).map(Number));
  const difference = a.map((part, index) => part - b[index]).find((part) => part !== 0) ?? 0;
  return difference === 0 ? than.includes('-') && !version.includes('-') : difference > 0;
}

/** What stands under `## [name]`, without the heading; undefined when there is no such section. */
export function section(changelog, name) {
  const start = changelog.indexOf(`\n## [${name}]`);
  if (start < 0) return undefined;
  const body = changelog.slice(changelog.indexOf('\n', start + 1) + 1);
  const end = body.search(/^## \[/m);
  return (end < 0 ? body : body.slice(0, end)).trim();
}

/** The changelog with what was unreleased under the new version's heading. */
export function released(changelog, version, day) {
  return changelog.replace('\n## [Unreleased]\n', `\n## [Unreleased]\n\n## [${version}] - ${day}\n`);
}

/** Undefined when that is said to be wrong. */
function readArguments() {
  try {
    return parseArgs({ allowPositionals: true, options: { write: { type: 'boolean' }, 'no-tests': { type: 'boolean' } } });
  } catch (error) {
    console.error(`release: ${error.message.split('. ')[0]} (there are --write and --no-tests)`);
    return undefined;
  }
}

function main() {
  const root = process.env.CTQ_RELEASE_ROOT ?? fileURLToPath(new URL('..', import.meta.url));
  const given = readArguments();
  if (given === undefined) return 2;
  const { values, positionals } = given;
  const read = (name) => readFileSync(join(root, name), 'utf8');
  const run = (command, args, options = {}) => spawnSync(command, args, { cwd: root, encoding: 'utf8', ...options });
  const git = (...args) => run('git', args).stdout.trim();
  const about = JSON.parse(read('package.json'));
  const version = nextVersion(about.version, positionals[0] ?? '');
  if (version === undefined || positionals.length > 1) {
    console.error(`release: name a version, or patch, minor or major (it is ${about.version} now): npm run release -- minor`);
    return 2;
  }
  const changelog = read('CHANGELOG.md');
  const notes = section(changelog, 'Unreleased') ?? '';
  const tags = git('tag', '--list', 'v*')
    .split('\n')
    .filter((tag) => VERSION.test(tag.slice(1)));
  const problems = [];
  const check = (name, problem) => {
    console.log(`${problem === undefined ? 'ok' : 'NO'}  ${name}${problem === undefined ? '' : `: ${problem}`}`);
    if (problem !== undefined) problems.push(name);
  };
  const quiet = (command, args) => {
    const { status, stdout, stderr } = run(command, args);
    return status === 0 ? undefined : `${stdout}${stderr}`.trim().split('\n').slice(-5).join('\n    ');
  };

  check('branch', git('branch', '--show-current') === 'main' ? undefined : 'releases are made on main');
  check('clean tree', git('status', '--porcelain') === '' ? undefined : 'commit or remove what git status names');
  const older = tags.find((tag) => !isNewer(version, tag.slice(1)));
  check(`version ${version}`, older === undefined ? undefined : `${older} is not older`);
  check('changelog', notes === '' ? 'nothing stands under [Unreleased]' : undefined);
  check(
    'generated files',
    quiet('npm', ['run', '--silent', 'generate']) ?? (git('status', '--porcelain') === '' ? undefined : 'npm run generate changes them'),
  );
  if (values['no-tests'] !== true) check('tests', quiet('npm', ['test']));
  const packed = run('npm', ['pack', '--dry-run', '--json', '--loglevel=error']);
  const size = /"size":\s*(\d+)/.exec(packed.stdout)?.[1];
  check(
    `package${size === undefined ? '' : ` (${Math.round(Number(size) / 1000)} kB)`}`,
    packed.status === 0 ? undefined : packed.stderr.trim(),
  );

  // Known to whoever releases; npm compares it with the place that the provenance names, and refuses a package without it.
  if (about.repository !== undefined || values.write === true)
    check('repository', about.repository === undefined ? 'package.json names none, so npm publish --provenance will refuse it' : undefined);
  else console.log('--  repository: package.json has to name it before a release is written, or npm publish --provenance will refuse it');

  if (problems.length > 0) {
    console.log(`\nno release: ${problems.join(', ')}`);
    return 1;
  }
  if (values.write !== true) {
    console.log(
      `\nv${version} could be released, with these notes:\n\n${notes}\n\nnpm run release -- ${version} --write makes the commit and the tag`,
    );
    return 0;
  }
  const day = new Date().toISOString().slice(0, 10);
  writeFileSync(join(root, 'CHANGELOG.md'), released(changelog, version, day));
  for (const name of ['package.json', 'package-lock.json']) {
    const text = read(name).replaceAll(/^( {2}| {6})"version": ".*"(,?)$/gm, (line, indent, comma, offset, whole) =>
      indent.length === 2 || whole.slice(0, offset).endsWith('"": {\n      "name": "ctq",\n')
        ? `${indent}"version": "${version}"${comma}`
        : line,
    );
    writeFileSync(join(root, name), text);
  }
  const made =
    quiet('npm', ['run', '--silent', 'generate']) ??
    quiet('git', ['commit', '--quiet', '-a', '-m', `Release ${version}`]) ??
    quiet('git', ['tag', '-a', `v${version}`, '-m', `ctq ${version}`]);
  if (made !== undefined) {
    console.error(`release: ${made}`);
    return 1;
  }
  console.log(`\ncommitted and tagged v${version}; git push --follow-tags publishes it`);
  return 0;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) process.exitCode = main();
