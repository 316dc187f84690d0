/** Keys and certificates that sign messages, made anew for each test. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';

export interface TestSigner {
  /** Files. */
  readonly key: string;
  readonly cert: string;
}

export interface SignerOptions {
  /** As openssl takes it; default `/O=Example/CN=<name>`. */
  readonly subject?: string;
  readonly serial?: string;
  readonly bits?: number;
  readonly password?: string;
  readonly days?: number;
}

export function makeSigner(folder: string, name: string, options: SignerOptions = {}): TestSigner {
  const [key, cert] = [join(folder, `${name}.key`), join(folder, `${name}.pem`)];
  const { subject = `/O=Example/CN=${name}`, serial, bits = 2048, password, days = 30 } = options;
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-utf8', '-newkey', `rsa:${bits}`, '-keyout', key, '-out', cert, '-subj', subject, '-days', String(days)],
      ...(password === undefined ? ['-nodes'] : ['-passout', `pass:${password}`]),
      ...(serial === undefined ? [] : ['-set_serial', serial]),
    ],
    { stdio: 'ignore' },
  );
  return { key, cert };
}

/** A folder with the certificates of these and nothing else. */
export function makeCertStore(folder: string, signers: readonly TestSigner[]): string {
  const store = join(folder, 'store');
  mkdirSync(store, { recursive: true });
  for (const [at, { cert }] of signers.entries()) copyFileSync(cert, join(store, `${at}.pem`));
  return store;
}
