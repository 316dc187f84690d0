/** The files that TLS settings name, read when a connection is made. */
import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import { ConfigError } from '../errors.js';

export interface TlsFiles {
  readonly caFile?: string | undefined;
  readonly certFile?: string | undefined;
  readonly keyFile?: string | undefined;
}

/**
 * @param prefix - Of the settings' names, for the error: `ssl_` for Redis, none for AMQP.
 * @throws ConfigError for a file that cannot be read.
 */
export function readTlsFiles({ caFile, certFile, keyFile }: TlsFiles, prefix: '' | 'ssl_'): Pick<ConnectionOptions, 'ca' | 'cert' | 'key'> {
  return {
    ...(caFile === undefined ? {} : { ca: read(caFile, `${prefix}ca_certs`) }),
    ...(certFile === undefined ? {} : { cert: read(certFile, `${prefix}certfile`) }),
    ...(keyFile === undefined ? {} : { key: read(keyFile, `${prefix}keyfile`) }),
  };
}

function read(path: string, setting: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new ConfigError(`cannot read ${setting} ${path}: ${(error as NodeJS.ErrnoException).code ?? String(error)}`, { cause: error });
  }
}
