import { Ctq } from 'ctq';

export const app = new Ctq('tasks');

export const add = app.task('tasks.add', (x: number, y: number) => x + y);
