/**
 * A database session around each task, closed however the task ends, and one connection for each process that
 * runs tasks. The same module works in every pool: `ctq worker -A tasks -P prefork`.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { Ctq, Task, type TaskContext } from 'ctq';

/** Stands for the client of your database. */
class Connection {
  open = 0;
  session(): Session {
    this.open += 1;
    return new Session(this);
  }
}

class Session {
  private readonly connection: Connection;
  constructor(connection: Connection) {
    this.connection = connection;
  }
  async query(statement: string, values: readonly unknown[]): Promise<string> {
    return `${statement} of ${JSON.stringify(values)}, with ${this.connection.open} session open`;
  }
  async commit(): Promise<void> {}
  async rollback(): Promise<void> {}
  async close(): Promise<void> {
    this.connection.open -= 1;
  }
}

export const app = new Ctq('tasks');

let connection: Connection | undefined;
// In each child of prefork and threads, and in the worker itself with async and solo.
app.signals.workerProcessInit.connect(() => {
  connection = new Connection();
});

const sessions = new AsyncLocalStorage<Session>();

/** Tasks of this class have a session. */
class SessionTask extends Task {
  override async call(run: () => unknown, _context: TaskContext): Promise<unknown> {
    const session = (connection ??= new Connection()).session();
    try {
      const value = await sessions.run(session, run);
      await session.commit();
      return value;
    } catch (error) {
      await session.rollback();
      throw error;
    } finally {
      await session.close();
    }
  }
}

/** The session of the task that calls this. */
function session(): Session {
  const current = sessions.getStore();
  if (current === undefined) throw new Error('no session here: is the task made with base: SessionTask?');
  return current;
}

export const countUsers = app.task({ name: 'tasks.count_users', base: SessionTask }, (city: string) =>
  session().query('select count(*) from users where city = ?', [city]),
);
