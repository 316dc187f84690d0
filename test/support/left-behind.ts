/**
 * Test files share their process (`isolate: false`), so what one leaves behind is in the next one's world: a variable of the
 * environment, another working folder, an SDK that is registered for the whole process. The file that does so is red, not one after it.
 */
const WATCHED = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'uncaughtException', 'unhandledRejection', 'warning'];

/** Made once by who is loaded for the first time: Node's `fetch`, and what a spinner restores the cursor with. */
const MADE_ONCE = ['Symbol(undici.globalDispatcher.1)', 'Symbol(signal-exit emitter)'];

/** A process as its next guest finds it. */
export type World = ReadonlyMap<string, string>;

export function worldNow(): World {
  const world = new Map<string, string>();
  world.set('the working folder', process.cwd());
  world.set('the umask', process.umask().toString(8));
  world.set('the exit code', String(process.exitCode));
  for (const [name, value] of Object.entries(process.env)) world.set(`the variable ${name}`, String(value));
  for (const name of Reflect.ownKeys(globalThis))
    if (!String(name).includes('vite') && !MADE_ONCE.includes(String(name))) world.set(`the global ${String(name)}`, 'there');
  for (const event of WATCHED) world.set(`listeners of ${event}`, String(process.listenerCount(event)));
  return world;
}

/** What differs, in words. */
export function leftBehind(before: World, after: World): readonly string[] {
  const names = new Set([...before.keys(), ...after.keys()]);
  return [...names]
    .filter((name) => before.get(name) !== after.get(name))
    .map((name) => `${name}: ${before.get(name) ?? 'not there'} before, ${after.get(name) ?? 'not there'} after`);
}
