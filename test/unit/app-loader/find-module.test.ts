import { join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findModule } from '../../../src/app-loader/find-module.js';
import { ConfigError } from '../../../src/errors.js';
import { tmpFolder } from '../../support/tmp.js';

const folder = tmpFolder({
  'tasks.ts': '',
  'plain.mjs': '',
  'both.ts': '',
  'both.js': '',
  'jobs/index.cts': '',
  'proj/tasks.mts': '',
  'proj/celery.ts': '',
  'proj/deep/mail.js': '',
  'node_modules/acme-tasks/package.json': '{"exports": {".": {"import": "./lib/main.js"}}}',
  'node_modules/acme-tasks/lib/main.js': '',
  'node_modules/@acme/jobs/package.json': '{"main": "./jobs.cjs"}',
  'node_modules/@acme/jobs/jobs.cjs': '',
  'node_modules/bare/index.js': '',
});

function found(spec: string, workdir = folder): readonly [string, string, string | undefined] {
  const { file, name, symbol } = findModule(spec, workdir);
  return [relative(folder, file), name, symbol];
}

describe('findModule', () => {
  it.each([
    ['tasks', 'tasks.ts', 'tasks', undefined],
    ['plain', 'plain.mjs', 'plain', undefined],
    ['both', 'both.ts', 'both', undefined],
    ['jobs', 'jobs/index.cts', 'jobs', undefined],
    ['proj.tasks', 'proj/tasks.mts', 'proj.tasks', undefined],
    ['proj.deep.mail', 'proj/deep/mail.js', 'proj.deep.mail', undefined],
    ['proj', 'proj/celery.ts', 'proj', undefined],
    ['tasks:app', 'tasks.ts', 'tasks', 'app'],
    ['proj.tasks:inner.app', 'proj/tasks.mts', 'proj.tasks', 'inner.app'],
    ['tasks.celery', 'tasks.ts', 'tasks', 'celery'],
    ['proj.tasks.app', 'proj/tasks.mts', 'proj.tasks', 'app'],
    ['tasks.ts', 'tasks.ts', 'tasks', undefined],
    ['./tasks', 'tasks.ts', 'tasks', undefined],
    ['./proj/tasks.mts', 'proj/tasks.mts', 'proj.tasks', undefined],
    ['proj/deep/mail:app', 'proj/deep/mail.js', 'proj.deep.mail', 'app'],
    [join(folder, 'tasks.ts'), 'tasks.ts', 'tasks', undefined],
    ['acme-tasks', 'node_modules/acme-tasks/lib/main.js', 'acme-tasks', undefined],
    ['@acme/jobs', 'node_modules/@acme/jobs/jobs.cjs', '@acme/jobs', undefined],
    ['@acme/jobs:app', 'node_modules/@acme/jobs/jobs.cjs', '@acme/jobs', 'app'],
    ['bare', 'node_modules/bare/index.js', 'bare', undefined],
    ['bare.app', 'node_modules/bare/index.js', 'bare', 'app'],
  ])('finds for %s the file %s', (spec, file, name, symbol) => {
    expect(found(spec)).toEqual([file, name, symbol]);
  });

  it('finds packages from folders below, and names modules outside by their file', () => {
    expect(found('acme-tasks', join(folder, 'proj', 'deep'))[0]).toBe('node_modules/acme-tasks/lib/main.js');
    expect(found('../tasks', join(folder, 'proj'))).toEqual(['tasks.ts', 'tasks', undefined]);
  });

  it.each(['', ' ', '.', '..', ':', 'a..b', 'tasks:', '\0', '../../../../etc/passwd', 'nothing', 'nothing.at.all', 'x'.repeat(5000)])(
    'says of %j what it looked for',
    (spec) => {
      expect(() => findModule(spec, folder)).toThrow(ConfigError);
      expect(() => findModule(spec, folder)).toThrow(/^cannot find the module/);
    },
  );

  it('lists where it looked, and suggests', () => {
    try {
      findModule('taks', folder);
    } catch (error) {
      expect((error as ConfigError).hint).toBe(
        `looked for taks.{ts,mts,cts,js,mjs,cjs}, taks/index.*, a package taks in ${folder}; did you mean tasks?`,
      );
    }
    expect.assertions(1);
  });

  it.each([
    ['./tasks.js', /; did you mean \.\/tasks\?$/],
    ['./jobs.mjs', /; did you mean \.\/jobs\?$/],
    ['nowhere/celery.py', /; Python’s modules are for celery, ctq loads JavaScript and TypeScript$/],
  ])('knows what %j was probably meant for', (spec, hint) => {
    try {
      findModule(spec, folder);
    } catch (error) {
      expect((error as ConfigError).hint).toMatch(hint);
    }
    expect.assertions(1);
  });
});
