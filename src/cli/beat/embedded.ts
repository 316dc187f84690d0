/** `ctq worker -B`: a beat beside the worker. It goes before the worker does, so that nothing is sent that nobody takes. */
import type { Ctq } from '../../ctq.js';
import type { AppBeatOptions } from '../../ctq/open-beat.js';

/**
 * Starts it; a beat that fails later says so in the log, and the worker goes on.
 *
 * @returns What stops it.
 * @throws ConfigError when an entry is wrong.
 */
export async function embedBeat(app: Ctq, options: AppBeatOptions): Promise<() => Promise<void>> {
  const beat = await app.beat(options);
  const stop = (): Promise<void> => beat.stop().catch(() => {}); // What went wrong comes out of start().
  const forget = app.signals.workerShuttingDown.connect(() => void stop());
  await app.signals.beatEmbeddedInit.send({ sender: beat.parts.nodename });
  void beat.start().catch((error: unknown) => {
    options.logger?.critical('beat: %s', error instanceof Error ? error.message : String(error));
  });
  return async () => {
    forget();
    await stop();
  };
}
