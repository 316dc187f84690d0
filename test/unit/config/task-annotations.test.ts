import { describe, expect, it } from 'vitest';
import { annotationOf } from '../../../src/config/task-annotations.js';
import { checkSetting } from '../../../src/config/validate.js';
import { Ctq } from '../../../src/ctq.js';

describe('task_annotations', () => {
  it('find the options of a task, in either spelling', () => {
    const annotations = { 'tasks.add': { rate_limit: '10/s', timeLimit: 5 } };
    expect(annotationOf(annotations, 'tasks.add')?.options).toEqual({ rateLimit: '10/s', timeLimit: 5 });
    expect(annotationOf(annotations, 'tasks.mul')).toBeUndefined();
    expect(annotationOf(null, 'tasks.add')).toBeUndefined();
  });

  it('lay those for all tasks over those for one, and take the first of several objects, as Celery does', () => {
    const annotations = [{ 'tasks.add': { priority: 1, queue: 'a' } }, { 'tasks.add': { priority: 2 }, '*': { queue: 'all' } }];
    expect(annotationOf(annotations, 'tasks.add')?.options).toEqual({ priority: 1, queue: 'all' });
    expect(annotationOf(annotations, 'tasks.mul')?.options).toEqual({ queue: 'all' });
  });

  it('hold for tasks that were registered before and after, whoever has the last word over the settings', () => {
    const app = new Ctq('app', { taskAnnotations: { 'app.early': { maxRetries: 1 } } });
    const early = app.task({ name: 'app.early', maxRetries: 9, priority: 3 }, () => {});
    expect(early.options).toEqual({ name: 'app.early', maxRetries: 1, priority: 3 });
    const value = { '*': { rateLimit: '1/s' } };
    const layer = new Map([['taskAnnotations', { value, source: 'file' }]] as const);
    app.configure({ layers: [layer], baseFolder: '.', connectTimeoutMs: 1 });
    const late = app.task('app.late', () => {});
    expect(early.options).toEqual({ name: 'app.early', maxRetries: 9, priority: 3, rateLimit: '1/s' });
    expect(late.options).toEqual({ rateLimit: '1/s' });
  });

  it('replace handlers', () => {
    const onFailure = (): void => {};
    const app = new Ctq('app', { taskAnnotations: { '*': { on_failure: onFailure } } });
    expect(app.task('app.add', () => {}).onFailure).toBe(onFailure);
  });

  it.each([
    [3, 'task_annotations is not an object of tasks'],
    [{ 'tasks.add': 3 }, 'task_annotations["tasks.add"] is not an object of task options'],
    [{ '*': { rate_limits: 1 } }, 'task_annotations["*"]: a task has no option "rate_limits"'],
    [{ '*': { name: 'other' } }, 'task_annotations["*"]: name is for the code to say'],
    [[{ '*': { on_failure: 'mine' } }], 'task_annotations["*"].on_failure is not a function'],
  ])('are refused as %j', (value, message) => {
    expect(() => checkSetting('taskAnnotations', value, 'task_annotations')).toThrow(message);
  });
});
