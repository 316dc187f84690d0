/** `--metrics`, of every command that stays. */
import type { HealthAddress } from '../config/health-address.js';
import { value } from './command.js';
import { listenAddress } from './option-values.js';

export const metricsOption = {
  metrics: value('--metrics <port>', 'give metrics in Prometheus’ form: GET /metrics on 127.0.0.1, or host:port', listenAddress),
} as const;

/** The token comes from the environment: a command line is for everybody to read. */
export function metricsAt(
  address: (HealthAddress & { readonly kind: 'port' }) | undefined,
  env: NodeJS.ProcessEnv,
): { readonly metrics?: { readonly host: string; readonly port: number; readonly token?: string } } {
  if (address === undefined) return {};
  const token = env['CTQ_METRICS_TOKEN'];
  const { host, port } = address;
  return { metrics: { host, port, ...(token === undefined || token === '' ? {} : { token }) } };
}
