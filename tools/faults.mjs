/** `npm run test:faults`: the fault matrix of docs/reliability.md, measured with real servers and real processes (test/faults/matrix). */
import { runTypescript } from './run-typescript.mjs';

await runTypescript('test/faults/matrix/main.ts', ['--max-old-space-size=4096']);
