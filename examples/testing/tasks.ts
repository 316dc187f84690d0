import { chain, Ctq } from 'ctq';

export const app = new Ctq('tasks', { taskRoutes: { 'tasks.sendMail': { queue: 'mail' } } });

export const mailer = { deliver: async (to: string, text: string): Promise<string> => `delivered ${text.length} characters to ${to}` };

export const add = app.task('tasks.add', (x: number, y: number) => x + y);

export const sendMail = app.task({ name: 'tasks.sendMail', bind: true, maxRetries: 3 }, async (task, to: string, text: string) => {
  try {
    return await mailer.deliver(to, text);
  } catch (error) {
    throw task.retry({ exc: error, countdown: 60 * 2 ** task.request.retries });
  }
});

export const double = app.task('tasks.double', (x: number) => x * 2);

/** What the rest of a program calls. */
export async function signUp(address: string): Promise<void> {
  await sendMail.applyAsync([address, 'welcome'], { countdown: 5 });
  await chain(add.s(20, 1), double.s()).delay();
}
