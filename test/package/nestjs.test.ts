/** docs/guides/nestjs.md as it stands, with NestJS from the registry: the web side sends, a worker runs the task with Nest's providers. */
import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { symlinkSync } from 'node:fs';
import { expect, it } from 'vitest';
import { projectRoot, runCtq, startCtq, washedEnvironment } from '../support/ctq-process.js';
import { fencesOf, readPage } from '../support/markdown.js';
import { OwnedProcess } from '../support/owned-process.js';
import { npm } from '../support/packed.js';
import { tmpFolder } from '../support/tmp.js';

const MAILER = `
import { Injectable } from '@nestjs/common';

@Injectable()
export class Mailer {
  async send(address: string, text: string): Promise<string> {
    return address + ' got ' + text;
  }
}
`;
const APP_MODULE = `
import { Module } from '@nestjs/common';
import { Mailer } from './mailer.js';
import { TasksModule } from './tasks.module.js';

@Module({ imports: [TasksModule], providers: [Mailer] })
export class AppModule {}
`;
const MAIN = `
import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';
import { MailService } from './tasks.module.js';

const app = await NestFactory.createApplicationContext(AppModule, { logger: false });
app.enableShutdownHooks();
console.log(await app.get(MailService).welcome('ada@example.org'));
await app.close();
`;
const OPTIONS = {
  ...{ module: 'nodenext', target: 'es2022', strict: true, outDir: 'dist', rootDir: 'src', skipLibCheck: true, types: ['node'] },
  ...{ experimentalDecorators: true, emitDecoratorMetadata: true },
};

it('the recipe for NestJS sends from a provider, and its task uses one', async ({ skip }) => {
  const [module = '', tasks = ''] = fencesOf(readPage('docs/guides/nestjs.md'))
    .filter(({ language }) => language === 'ts')
    .map(({ text }) => text);
  const cwd = tmpFolder({
    'package.json': '{"name":"nest","private":true,"type":"module"}',
    'tsconfig.json': JSON.stringify({ compilerOptions: OPTIONS, include: ['src'] }),
    ...{
      'src/tasks.module.ts': module,
      'src/tasks.ts': tasks,
      'src/mailer.ts': MAILER,
      'src/app.module.ts': APP_MODULE,
      'src/main.ts': MAIN,
    },
  });
  const packages = ['@nestjs/core@11', '@nestjs/common@11', 'reflect-metadata', 'rxjs'];
  try {
    npm(['install', ...packages, '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'], cwd);
  } catch (error) {
    if (process.env['CI'] !== undefined) throw error;
    skip(`npm cannot give NestJS: ${String((error as { stderr?: unknown }).stderr ?? error).slice(0, 300)}`);
  }
  for (const name of ['ctq', '@types', 'undici-types'])
    symlinkSync(name === 'ctq' ? projectRoot : join(projectRoot, 'node_modules', name), join(cwd, 'node_modules', name), 'junction');
  const typescript = createRequire(import.meta.url).resolve('typescript/package.json');
  execFileSync(process.execPath, [join(typescript, '..', 'bin', 'tsc')], { cwd, encoding: 'utf8' });

  for (const pool of ['async', 'prefork']) {
    const worker = startCtq(['worker', '-A', 'dist.tasks', '-P', pool, '-c', '1', '-l', 'info'], { cwd });
    await worker.waitForOutput(/ready\./);
    const web = new OwnedProcess(process.execPath, ['dist/main.js'], { cwd, env: washedEnvironment() });
    expect([await web.waitForExit(), web.stderr]).toEqual([{ code: 0, signal: null }, '']);
    const { code, stdout } = await runCtq(['result', '--wait', '--timeout', '20', web.stdout.trim()], { cwd });
    expect([pool, code, stdout]).toEqual([pool, 0, 'ada@example.org got Welcome!\n']);
    await worker.stop();
  }
}, 180_000);
