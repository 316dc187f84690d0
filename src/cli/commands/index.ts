/** The commands: what `ctq --help` lists, without loading any of them. A new one is one line here. */
import type { CommandSpec } from '../command.js';

export interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  load(): Promise<CommandSpec>;
}

export const commands: readonly CommandEntry[] = [
  { name: 'worker', summary: 'run tasks', load: async () => (await import('./worker.js')).worker },
  { name: 'beat', summary: 'send tasks when their time has come', load: async () => (await import('./beat.js')).beat },
  { name: 'send', summary: 'send a task by name', load: async () => (await import('./send.js')).send },
  { name: 'inspect', summary: 'ask workers what they do and hold', load: async () => (await import('./inspect.js')).inspect },
  { name: 'control', summary: 'tell workers to do something', load: async () => (await import('./control.js')).control },
  { name: 'status', summary: 'list the workers that are up', load: async () => (await import('./status.js')).status },
  { name: 'events', summary: 'print events of workers and tasks as they happen', load: async () => (await import('./events.js')).events },
  {
    name: 'find',
    summary: 'tell where a task is: queued, delayed, held, running, done',
    load: async () => (await import('./find.js')).find,
  },
  { name: 'keys', summary: 'tell what broker and result backend hold, key by key', load: async () => (await import('./keys.js')).keys },
  { name: 'result', summary: 'print the state and the value of a task', load: async () => (await import('./result.js')).result },
  { name: 'failed', summary: 'list the tasks that failed', load: async () => (await import('./failed.js')).failed },
  { name: 'doctor', summary: 'say what is wrong with a live estate', load: async () => (await import('./doctor.js')).doctor },
  { name: 'retry', summary: 'run failed tasks again', load: async () => (await import('./retry.js')).retry },
  {
    name: 'queues',
    summary: 'tell what waits in each queue, and who takes from it',
    load: async () => (await import('./queues.js')).queues,
  },
  {
    name: 'purge',
    summary: 'remove messages that wait in queues, and bring them back',
    load: async () => (await import('./purge.js')).purge,
  },
  { name: 'migrate', summary: 'move messages from one broker to another', load: async () => (await import('./migrate.js')).migrate },
  {
    name: 'top',
    summary: 'show workers, queues, tasks and failures on one screen, and act on them',
    load: async () => (await import('./top.js')).top,
  },
  {
    name: 'exporter',
    summary: 'give metrics of all workers and queues to Prometheus',
    load: async () => (await import('./exporter.js')).exporter,
  },
  {
    name: 'completion',
    summary: 'print what lets a shell complete ctq’s words',
    load: async () => (await import('./completion.js')).completion,
  },
];
