/** The files of examples/deployment are what systemd and Docker take; nothing is installed or built from them here. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { validate } from 'dockerfile-utils';
import { load } from 'js-yaml';
import { describe, expect, it } from 'vitest';
import { projectRoot } from '../support/ctq-process.js';
import { fencesOf, readPage } from '../support/markdown.js';
import { describeWith } from '../support/requires.js';
import { tmpFolder, writeFiles } from '../support/tmp.js';

const folder = join(projectRoot, 'examples', 'deployment');
const read = (name: string): string => readFileSync(join(folder, name), 'utf8');

describeWith('systemd-analyze', 'systemd', () => {
  const units = readdirSync(folder).filter((name) => name.endsWith('.service'));

  it.each(units)('finds nothing wrong with %s', (name) => {
    // It looks whether program and user are there.
    const text = read(name).replaceAll('/srv/app/node_modules/.bin/ctq', process.execPath).replace('User=worker', 'User=root');
    const instance = name.replace('@.', '@1.');
    const cwd = tmpFolder({ [instance]: text });
    const { status, stderr } = spawnSync('systemd-analyze', ['verify', join(cwd, instance)], { encoding: 'utf8' });
    expect([status, stderr.split('\n').filter((line) => line.includes(instance))]).toEqual([0, []]);
    // It would say so, but ends with 0 all the same.
    writeFiles(cwd, { [instance]: text.replace('Restart=', 'Restrat=') });
    expect(spawnSync('systemd-analyze', ['verify', join(cwd, instance)], { encoding: 'utf8' }).stderr).toContain('Restrat');
  });
});

describe('container files', () => {
  it('have no mistake that a linter of Dockerfiles finds', () => {
    const written = {
      'examples/deployment/Dockerfile': read('Dockerfile'),
      'docs/health.md': `FROM node:22-slim\n${dockerfileIn('docs/health.md')}`,
    };
    for (const [name, text] of Object.entries(written)) expect([name, validate(text).map(({ message }) => message)]).toEqual([name, []]);
    expect(validate('FROM node\nCDM ["ctq"]\n')).toHaveLength(1);
  });

  it('name in compose.yaml services that are there, and folders with a Dockerfile', () => {
    const { services, volumes } = load(read('compose.yaml')) as {
      services: Record<string, { image?: string; build?: string; depends_on?: string[]; volumes?: string[] }>;
      volumes: object;
    };
    for (const [name, service] of Object.entries(services)) {
      expect([name, service.image ?? service.build]).toEqual([name, expect.any(String)]);
      if (service.build !== undefined) expect(readdirSync(join(folder, service.build))).toContain('Dockerfile');
      expect(Object.keys(services)).toEqual(expect.arrayContaining(service.depends_on ?? []));
      for (const mount of service.volumes ?? []) expect(Object.keys(volumes)).toContain(mount.split(':')[0]);
    }
  });
});

function dockerfileIn(page: string): string {
  return fencesOf(readPage(page)).find(({ language }) => language === 'dockerfile')?.text ?? '';
}
