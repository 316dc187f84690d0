/**
 * A lock that the system takes back when its holder dies, for the moment in which a stale file is
 * replaced. Node has no flock(); a name in Linux's abstract socket namespace does the same.
 */
import { createHash } from 'node:crypto';
import { createServer } from 'node:net';

const TRY_EVERY_MS = 20;
const GIVE_UP_AFTER_MS = 5000;

/**
 * @param what - Locks the same thing for everybody who says the same.
 * @returns The function that unlocks.
 */
export async function lockFor(what: string): Promise<() => void> {
  // Elsewhere O_EXCL alone decides: exclusive, too, but for two starters that both found a stale file.
  if (process.platform !== 'linux') return () => {};
  const name = `\0ctq-${createHash('sha256').update(what).digest('hex').slice(0, 32)}`;
  for (let waitedMs = 0; waitedMs < GIVE_UP_AFTER_MS; waitedMs += TRY_EVERY_MS) {
    const unlock = await tryLock(name);
    if (unlock !== undefined) return unlock;
    await new Promise((resolve) => setTimeout(resolve, TRY_EVERY_MS));
  }
  // Whoever holds it that long is no starting worker; the file itself still decides.
  return () => {};
}

function tryLock(name: string): Promise<(() => void) | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(undefined);
      else reject(error);
    });
    server.listen(name, () => resolve(() => server.close()));
    server.unref();
  });
}
