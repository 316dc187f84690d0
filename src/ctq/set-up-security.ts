/** `app.setupSecurity()`: Celery's `setup_security`, with the same demands on the settings. */
import type { Settings } from '../config/settings.js';
import { ConfigError } from '../errors.js';
import { SERIALIZER_NAMES } from '../protocol/serializers.js';

/** What `app.setupSecurity()` takes: with which key messages are signed, and whose signatures are believed. */
export interface SecurityOptions {
  /** File with the private key; default `securityKey`. */
  readonly key?: string;
  /** Default `securityKeyPassword`. */
  readonly keyPassword?: string;
  /** File with its certificate; default `securityCertificate`. */
  readonly cert?: string;
  /** Folder or pattern of the certificates that are believed; default `securityCertStore`. */
  readonly store?: string;
  /** Default `securityDigest`. */
  readonly digest?: string;
  /** What is put into the envelope; default `json`. */
  readonly serializer?: string;
}

const GIVEN_AS = {
  key: 'securityKey',
  keyPassword: 'securityKeyPassword',
  cert: 'securityCertificate',
  store: 'securityCertStore',
  digest: 'securityDigest',
} as const;

/**
 * Writes what was given into the settings.
 *
 * @returns The serializer inside the envelope.
 * @throws {@link ConfigError} where messages would be signed and not verified, or verified and not signed.
 */
export function setUpSecurity(conf: Settings, options: SecurityOptions): string {
  const { taskSerializer, acceptContent } = conf;
  if (taskSerializer !== 'auth' || acceptContent.length !== 1 || acceptContent[0] !== 'auth') {
    throw new ConfigError("setupSecurity() needs taskSerializer 'auth' and acceptContent ['auth']", {
      hint: 'there is no point in signing messages if unsigned ones are taken, too',
    });
  }
  const { serializer = 'json' } = options;
  if (!SERIALIZER_NAMES.includes(serializer)) {
    throw new ConfigError(`setupSecurity(): there is no serializer ${JSON.stringify(serializer)}`, { hint: SERIALIZER_NAMES.join(', ') });
  }
  for (const [option, setting] of Object.entries(GIVEN_AS) as [keyof typeof GIVEN_AS, (typeof GIVEN_AS)[keyof typeof GIVEN_AS]][]) {
    const value = options[option];
    if (value !== undefined) Object.assign(conf, { [setting]: value });
  }
  return serializer;
}
