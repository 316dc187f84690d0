/** The tasks of an app by name. Celery's own are found, too, but are not counted or listed among the app's. */
import type { Task } from '../task.js';

export class TaskRegistry extends Map<string, Task> {
  readonly builtins: ReadonlyMap<string, Task>;

  constructor(builtins: Iterable<Task> = []) {
    super();
    this.builtins = new Map([...builtins].map((task) => [task.name, task]));
  }

  override get(name: string): Task | undefined {
    return super.get(name) ?? this.builtins.get(name);
  }
}
