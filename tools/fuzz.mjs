/** `npm run fuzz [-- --count 1000000 --seed 7 --target worker]`: mutates what strangers may send (test/fuzz). */
import { runTypescript } from './run-typescript.mjs';

await runTypescript('test/fuzz/main.ts');
