/** `npm run release`: tried on a repository of its own, where nothing can be released by accident. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { load } from 'js-yaml';
import { describe, expect, it } from 'vitest';
import { projectRoot } from './support/ctq-process.js';
import { tmpFolder, writeFiles } from './support/tmp.js';

interface Release {
  nextVersion(current: string, wanted: string): string | undefined;
  isNewer(version: string, than: string): boolean;
  section(changelog: string, name: string): string | undefined;
}
const tool = join(projectRoot, 'tools', 'release.mjs');
const { nextVersion, isNewer, section }: Release = await import(tool);

const CHANGELOG = '# Changelog\n\n## [Unreleased]\n\n### Added\n- Something.\n\n## [0.1.0] - 2026-01-01\n\n- The first.\n';

function repository(address = 'https://example.org/ctq.git') {
  const folder = tmpFolder({
    'CHANGELOG.md': CHANGELOG,
    'README.md': '',
    'package.json': `${JSON.stringify({ name: 'ctq', version: '0.1.0', ...(address === '' ? {} : { repository: address }), scripts: { generate: 'node -e 0' } }, undefined, 2)}\n`,
    'package-lock.json': `${JSON.stringify({ name: 'ctq', version: '0.1.0', lockfileVersion: 3, packages: { '': { name: 'ctq', version: '0.1.0' }, 'node_modules/x': { version: '0.1.0' } } }, undefined, 2)}\n`,
  });
  const git = (...args: readonly string[]): string =>
    execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.org', ...args], { cwd: folder, encoding: 'utf8' }).trim();
  git('init', '--quiet', '--initial-branch=main');
  git('config', 'user.name', 't');
  git('config', 'user.email', 't@example.org');
  git('add', '.');
  git('commit', '--quiet', '-m', 'start');
  const release = (...args: readonly string[]) =>
    spawnSync(process.execPath, [tool, ...args], { encoding: 'utf8', env: { ...process.env, CTQ_RELEASE_ROOT: folder } });
  return { folder, git, release };
}

// npm starts some ten times here, which a busy machine takes its time for.
describe('the release tool', { timeout: 120_000 }, () => {
  it('says what would be released and changes nothing', () => {
    const { git, release } = repository();
    const { status, stdout } = release('minor', '--no-tests');
    expect([status, stdout]).toEqual([
      0,
      expect.stringContaining('v0.2.0 could be released, with these notes:\n\n### Added\n- Something.'),
    ]);
    expect([git('status', '--porcelain'), git('tag')]).toEqual(['', '']);
  });

  it('makes commit and tag when told to', () => {
    const { folder, git, release } = repository();
    expect(release('0.2.0', '--no-tests', '--write').status).toBe(0);
    expect([git('tag'), git('log', '-1', '--format=%s'), git('status', '--porcelain')]).toEqual(['v0.2.0', 'Release 0.2.0', '']);
    const [about, lock] = ['package.json', 'package-lock.json'].map(
      (name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as { version: string },
    );
    expect(about?.version).toBe('0.2.0');
    expect(lock).toMatchObject({ version: '0.2.0', packages: { '': { version: '0.2.0' }, 'node_modules/x': { version: '0.1.0' } } });
    const changelog = readFileSync(join(folder, 'CHANGELOG.md'), 'utf8');
    expect([section(changelog, 'Unreleased'), section(changelog, '0.2.0')]).toEqual(['', '### Added\n- Something.']);
  });

  it('refuses what is not committed, not new, not on main, or has no notes', () => {
    const { folder, git, release } = repository();
    git('tag', 'v0.3.0');
    git('checkout', '--quiet', '-b', 'side');
    writeFiles(folder, { 'left.txt': '', 'CHANGELOG.md': CHANGELOG.replace('### Added\n- Something.\n', '') });
    const { status, stdout } = release('minor', '--no-tests', '--write');
    expect([status, stdout]).toEqual([
      1,
      expect.stringContaining('no release: branch, clean tree, version 0.2.0, changelog, generated files'),
    ]);
    expect(git('tag')).toBe('v0.3.0');
    expect(release().status).toBe(2);
    expect(release('minor', '--wirte')).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/^release: Unknown option '--wirte' .*\n$/),
    });
    // Not taken for a yes.
    expect(release('minor', '--write=false')).toMatchObject({ status: 2, stderr: expect.stringMatching(/^release: .*--write.*\n$/) });
  });

  it('writes nothing that npm would refuse: provenance needs the address of the repository', () => {
    const { git, release } = repository('');
    const dry = release('minor', '--no-tests');
    expect([dry.status, dry.stdout]).toEqual([0, expect.stringMatching(/^-- {2}repository: package.json has to name it/m)]);
    const { status, stdout } = release('minor', '--no-tests', '--write');
    expect([status, stdout, git('tag')]).toEqual([1, expect.stringContaining('no release: repository'), '']);
  });

  it('knows versions', () => {
    expect(['patch', 'minor', 'major', '2.0.0-rc.1', 'big'].map((wanted) => nextVersion('1.2.3', wanted))).toEqual([
      '1.2.4',
      '1.3.0',
      '2.0.0',
      '2.0.0-rc.1',
      undefined,
    ]);
    expect([isNewer('1.0.0', '0.9.9'), isNewer('1.0.0', '1.0.0'), isNewer('1.0.0', '1.0.0-rc.1'), isNewer('0.9.0', '1.0.0')]).toEqual([
      true,
      false,
      true,
      false,
    ]);
  });
});

describe('the list of what users get along with it', () => {
  interface Component {
    readonly name: string;
    readonly version: string;
    readonly hashes?: readonly { readonly alg: string }[];
  }

  it('names each package of the lockfile with version and checksum, none of the workshop, and is on the page of a release', () => {
    const { status, stdout } = spawnSync(process.execPath, [join(projectRoot, 'tools', 'sbom.mjs')], { encoding: 'utf8' });
    expect(status).toBe(0);
    const list = JSON.parse(stdout) as { bomFormat: string; metadata: { component: { name: string } }; components: Component[] };
    expect([list.bomFormat, list.metadata.component.name]).toEqual(['CycloneDX', 'ctq']);
    const { packages } = JSON.parse(readFileSync(join(projectRoot, 'package-lock.json'), 'utf8')) as {
      packages: Record<string, { version: string; dev?: boolean; dependencies?: object; optionalDependencies?: object }>;
    };
    const ofUsers = Object.entries(packages).filter(([path, { dev }]) => path !== '' && dev !== true);
    const named = ofUsers.map(([path, { version }]) => `${path.slice(path.lastIndexOf('node_modules/') + 13)}@${version}`);
    expect(new Set(list.components.map(({ name, version }) => `${name}@${version}`))).toEqual(new Set(named));
    expect(named.map((one) => one.slice(0, one.lastIndexOf('@')))).toEqual(
      expect.arrayContaining(Object.keys({ ...packages['']?.dependencies, ...packages['']?.optionalDependencies })),
    );
    expect(named.join()).not.toMatch(/vitest|oxlint|knip/);
    expect(list.components.filter(({ hashes }) => hashes?.some(({ alg }) => alg === 'SHA-512') !== true)).toEqual([]);
    const workflow = readFileSync(join(projectRoot, '.github', 'workflows', 'release.yml'), 'utf8');
    expect(workflow).toMatch(/npm run sbom -- ctq\.cdx\.json[^]*gh release create .* ctq\.cdx\.json$/m);
  });
});

describe('the templates', () => {
  const folder = join(projectRoot, '.github');
  const forms = readdirSync(join(folder, 'ISSUE_TEMPLATE')).filter((name) => name !== 'config.yml');

  it.each(forms)('of issues, %s, is a form that GitHub shows', (name) => {
    const form = load(readFileSync(join(folder, 'ISSUE_TEMPLATE', name), 'utf8')) as {
      readonly [key: string]: unknown;
      readonly body: readonly { readonly type: string; readonly id: string; readonly attributes: Readonly<Record<string, unknown>> }[];
    };
    expect(Object.keys(form).filter((key) => !/^(?:name|description|title|labels|assignees|projects|type|body)$/.test(key))).toEqual([]);
    expect(form).toMatchObject({ name: expect.stringMatching(/.{4}/), description: expect.stringMatching(/.{10}/) });
    expect(new Set(form.body.map(({ id }) => id)).size).toBe(form.body.length);
    for (const { type, id, attributes } of form.body) {
      expect(type).toMatch(/^(?:input|textarea|dropdown|checkboxes)$/);
      expect([id, attributes['label']]).toEqual([expect.stringMatching(/^[\w-]+$/), expect.stringMatching(/.{4}/)]);
      const unknown = Object.keys(attributes).filter(
        (key) => !/^(?:label|description|placeholder|value|render|options|multiple)$/.test(key),
      );
      expect(unknown).toEqual([]);
    }
  });

  it('of pull requests asks for commands and files that are there', () => {
    const text = readFileSync(join(folder, 'pull_request_template.md'), 'utf8');
    const { scripts } = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as { scripts: Record<string, string> };
    for (const [, name = ''] of text.matchAll(/`npm (?:run )?([\w:]+)`/g)) expect(Object.keys(scripts)).toContain(name);
    for (const [name] of text.matchAll(/\b[A-Z]{4,}\.md\b/g)) expect(existsSync(join(projectRoot, name))).toBe(true);
    expect(text.match(/^- \[ \] /gm)?.length).toBeGreaterThan(3);
  });
});

describe('the workflows', () => {
  it.each(['ci', 'release'])('%s.yml can be read, may no more than it needs, and runs what there is', (name) => {
    const workflow = load(readFileSync(join(projectRoot, '.github', 'workflows', `${name}.yml`), 'utf8')) as {
      jobs: Record<string, { permissions?: Record<string, string>; steps: { run?: string }[] }>;
      permissions?: Record<string, string>;
    };
    const { scripts } = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as { scripts: Record<string, string> };
    for (const { permissions, steps } of Object.values(workflow.jobs)) {
      expect(permissions ?? workflow.permissions).toEqual(
        name === 'ci' ? { contents: 'read' } : { contents: 'write', 'id-token': 'write' },
      );
      const lines = steps.map(({ run = '' }) => run).join('\n');
      expect(lines).toContain('npm test');
      for (const [, script = ''] of lines.matchAll(/npm run (\S+)/g)) expect(Object.keys(scripts)).toContain(script);
    }
  });

  it('publish with provenance, and nothing but a tag starts that', () => {
    const text = readFileSync(join(projectRoot, '.github', 'workflows', 'release.yml'), 'utf8');
    expect(text).toContain('npm publish --provenance');
    expect((load(text) as { on: unknown }).on).toEqual({ push: { tags: ['v*'] } });
  });
});
