/** Where a worker says how it is: `--health 8080`, `0.0.0.0:8080`, `[::1]:8080`, or a file. */

export type HealthAddress =
  | { readonly kind: 'port'; readonly host: string; readonly port: number }
  | { readonly kind: 'file'; readonly path: string };

/** Nobody else's machine can ask, unless somebody says so (RELIABILITY S25). */
const LOOPBACK = '127.0.0.1';

/** Undefined for what is neither. A file that is called like a port is written `./8080`. */
export function parseHealthAddress(text: string): HealthAddress | undefined {
  const found = /^(?:(\[[0-9a-f:.%]+\]|[^:/[\]]*):)?(\d{1,9})$/i.exec(text);
  if (found === null) return text === '' || text.includes('\0') || text.startsWith('http:') ? undefined : { kind: 'file', path: text };
  const [, host = LOOPBACK, digits] = found;
  const port = Number(digits);
  if (host === '' || port > 65_535) return undefined;
  return { kind: 'port', host: host.replace(/^\[|\]$/g, ''), port };
}

/** True when only this machine can reach it. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
}

/** `http://127.0.0.1:8080`, or the file. */
export function healthAddressText(address: HealthAddress): string {
  if (address.kind === 'file') return address.path;
  return `http://${address.host.includes(':') ? `[${address.host}]` : address.host}:${address.port}`;
}
