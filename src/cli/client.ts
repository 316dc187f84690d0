/** What every command that talks to a broker does first. */
import { environmentLayer, flagLayer, type SettingsLayer, strongest } from '../config/resolve.js';
import { SETTINGS } from '../config/settings.js';
import type { Ctq, Surroundings } from '../ctq.js';
import { BrokerError } from '../errors.js';
import type { CommandCall } from './command.js';

type Call = Pick<CommandCall, 'globals' | 'config' | 'context' | 'defer' | 'workdir'>;

/** Flags › environment › config file: what stands above an app's own settings. */
export function surroundingsOf(call: Call): Surroundings & { readonly connectTimeoutMs: number } {
  const { broker, resultBackend, connectTimeout } = call.globals;
  const flags = flagLayer({ brokerUrl: ['--broker', broker], resultBackend: ['--result-backend', resultBackend] });
  const layers: readonly SettingsLayer[] = [flags, environmentLayer(call.context.env), call.config.layer];
  const configured = strongest(layers, 'brokerConnectionTimeout')?.value as number | undefined;
  const seconds = connectTimeout ?? configured ?? SETTINGS.brokerConnectionTimeout.default;
  return { layers, baseFolder: call.config.folder, connectTimeoutMs: seconds * 1000 };
}

/**
 * An app to send and ask with: the one behind `-A` where it was given, whose URLs and routes then count below flags, environment and
 * config file, else none is needed. Closed when the command ends.
 */
export async function openClient(call: Call): Promise<Ctq> {
  const app = call.globals.app === undefined ? await call.context.openApp() : await loadNamed(call.globals.app, call);
  call.defer(() => app.close());
  app.configure(surroundingsOf(call));
  return app;
}

async function loadNamed(spec: string, { workdir, defer }: Pick<CommandCall, 'workdir' | 'defer'>): Promise<Ctq> {
  const { loadApp } = await import('../app-loader.js');
  const { app, loader } = await loadApp(spec, { workdir });
  defer(() => loader.close());
  return app;
}

/** A last word over whatever a publish may still try: a broker that is not there is told of in time. */
export async function beforeDeadline(published: PromiseLike<unknown>, call: Call): Promise<void> {
  const limitMs = surroundingsOf(call).connectTimeoutMs + 500;
  let cancel = (): void => {};
  const late = new Promise<never>((_, reject) => {
    const timer = call.context.clock.setTimeout(() => {
      reject(
        new BrokerError('CTQ_BROKER_UNREACHABLE', `the broker did not take the task within ${limitMs / 1000} s`, {
          hint: 'it may still have it; --connect-timeout gives it longer',
        }),
      );
    }, limitMs);
    cancel = () => timer.cancel();
  });
  try {
    await Promise.race([published, late]);
  } finally {
    cancel();
  }
}
