import { describe, expect, it } from 'vitest';
import { isForTasks, nameQueue } from '../../../src/estates/amqp/names.js';

describe('a queue of RabbitMQ', () => {
  it.each([
    ['celery', 'queue', 'queue celery'],
    ['orders.eu', 'queue', 'queue orders.eu'],
    ['ctq.dead.mail', 'dead letters', 'refused from queue mail'],
    ['ctq.paused.mail', 'lock', 'queue mail is paused'],
    ['ctq_celery_delayed_4', 'delayed', 'delayed by ctq, for 16 s at a time'],
    ['celery_delayed_27', 'delayed', 'delayed by Celery, for 134217728 s at a time'],
    ['celery@host.example.celery.pidbox', 'pidbox queue', 'remote control of celery@host.example'],
    ['0b7c.reply.celery.pidbox', 'reply queue', 'answers to 0b7c'],
    ['celeryev.57cb3c6b', 'event queue', 'somebody listens to events'],
    ['57cb3c6b-2ca6-471b-b17f-ba3d9a43a368', 'reply queue', 'results for one client (rpc://)'],
  ] as const)('%s is one of the kind %s', (name, kind, about) => {
    expect(nameQueue(name)).toEqual({ kind, about });
    expect(isForTasks(name)).toBe(kind === 'queue');
  });

  it('that the server has named itself is not for tasks', () => {
    expect(isForTasks('amq.gen-JzTY20BRgKO-HjmUJj0wLg')).toBe(false);
  });
});
