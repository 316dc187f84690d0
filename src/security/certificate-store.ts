/** The certificates of those who are believed: the files of a folder or of a pattern such as `/etc/ssl/certs/*.pem` (`security_cert_store`). */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { ConfigError } from '../errors.js';
import { type Certificate, parseCertificate } from './certificate.js';

/** @throws {@link ConfigError} for a file that is no certificate, two of one id, and a place without any: then nothing could be verified. */
export function readCertificates(store: string): ReadonlyMap<string, Certificate> {
  const found = new Map<string, Certificate>();
  for (const file of filesOf(store)) {
    const certificate = readCertificate(file, 'security_cert_store');
    if (found.has(certificate.id)) {
      throw new ConfigError(`security_cert_store: ${file} has the issuer and number of another certificate there`, { hint: 'remove one' });
    }
    found.set(certificate.id, certificate);
  }
  if (found.size > 0) return found;
  throw new ConfigError(`security_cert_store: there are no certificates at ${store}`, {
    hint: "name a folder, or files as '/etc/ssl/certs/*.pem'",
  });
}

/** @param setting - Which one names the file, for the error. */
export function readCertificate(file: string, setting: string): Certificate {
  try {
    return parseCertificate(readFile(file, setting));
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw new ConfigError(`${setting}: ${file}: ${(error as Error).message}`, { hint: 'it must be a PEM file with an RSA key' });
  }
}

export function readFile(file: string, setting: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConfigError(`${setting}: cannot read ${file}: ${(error as NodeJS.ErrnoException).code ?? String(error)}`, {
      hint: 'is the path right, and may this user read it?',
    });
  }
}

/** Python's glob: hidden files are none of them, and neither is a folder among the files. */
function filesOf(store: string): string[] {
  if (!isFolder(store)) return /[*?]/.test(basename(store)) ? filesIn(dirname(store), basename(store)) : [store];
  return filesIn(store, '*');
}

function filesIn(folder: string, pattern: string): string[] {
  const matches = new RegExp(
    `^${pattern
      .replaceAll(/[^*?]/g, (char) => char.replace(/\W/, '\\$&'))
      .replaceAll('*', '.*')
      .replaceAll('?', '.')}$`,
    's',
  );
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    return [];
  }
  return names
    .filter((name) => !name.startsWith('.') && matches.test(name))
    .sort()
    .map((name) => join(folder, name))
    .filter((file) => !isFolder(file));
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
