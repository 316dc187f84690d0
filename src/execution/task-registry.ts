/** The tasks of an app by name. Celery's own are found, too, but are not counted or listed among the app's. */
import { type TaskAnnotations, annotationOf } from '../config/task-annotations.js';
import type { Task, TaskOptions } from '../task.js';

export class TaskRegistry extends Map<string, Task> {
  readonly builtins: ReadonlyMap<string, Task>;
  /** What the tasks were made with, of those that were annotated. */
  private readonly ownOptions = new WeakMap<Task, TaskOptions>();

  constructor(builtins: Iterable<Task> = []) {
    super();
    this.builtins = new Map([...builtins].map((task) => [task.name, task]));
  }

  override get(name: string): Task | undefined {
    return super.get(name) ?? this.builtins.get(name);
  }

  /** Lays `task_annotations` over the options of tasks, again when the settings have changed; default all that are registered. */
  annotate(annotations: TaskAnnotations | readonly TaskAnnotations[] | null, tasks: Iterable<Task> = this.values()): void {
    for (const task of tasks) {
      const annotation = annotationOf(annotations, task.name);
      const own = this.ownOptions.get(task) ?? task.options;
      if (annotation === undefined && own === task.options) continue;
      this.ownOptions.set(task, own);
      Object.assign(task, { options: { ...own, ...annotation?.options } }, annotation?.handlers);
    }
  }
}
