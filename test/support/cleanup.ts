/**
 * What a test file started is ended when the file is done, whatever happened: once through vitest's
 * hook, and again when the process exits. Processes have a third net, {@link killWhenWeDie}.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { afterAll } from 'vitest';

const cleanups: (() => void)[] = [];
let registered = false;

/** Runs at the end of the test file, last in, first out. Must be synchronous, and harmless when the thing is already gone. */
export function atExit(cleanup: () => void): void {
  if (!registered) process.once('exit', runAll);
  registered = true;
  cleanups.push(cleanup);
}

/** Once a test file, before its tests: inside a running one no hook can be added any more, and not every process that runs tests exits. */
export function cleanUpAtTheEnd(): void {
  afterAll(runAll);
}

function runAll(): void {
  for (const cleanup of cleanups.splice(0).reverse()) {
    try {
      cleanup();
    } catch (error) {
      process.stderr.write(`cleaning up after a test failed: ${String(error)}\n`);
    }
  }
}

/** Kills what is on its list when its standard input closes, which also happens when we are killed with -9. */
export const REAPER = `
trap '' INT TERM HUP QUIT
list=' '
while read -r sign pid; do
  case "$sign" in
    +) list="$list$pid " ;;
    -) case "$list" in *" $pid "*) list="\${list%% $pid *} \${list#* $pid }" ;; esac ;;
  esac
done
for pid in $list; do kill -9 "-$pid" 2>/dev/null; done
`;

let reaper: ChildProcess | undefined;

/** For a child that leads a process group of its own (`detached`): the whole group ends with us, however we end. */
export function killWhenWeDie(child: ChildProcess): void {
  const { pid } = child;
  if (pid === undefined) return;
  if (reaper === undefined) {
    reaper = spawn('sh', ['-c', REAPER], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
    reaper.unref();
    reaper.stdin?.on('error', () => {});
    (reaper.stdin as unknown as { unref?(): void }).unref?.();
  }
  reaper.stdin?.write(`+ ${pid}\n`);
  child.once('exit', () => reaper?.stdin?.write(`- ${pid}\n`));
}
