/**
 * Keys and certificates behind signed messages, as Celery's `setup_security` has them: RSA-PSS over the serialised body. What
 * is not in the body is not signed (docs/security.md).
 */
import { constants, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import type { Clock } from '../clock.js';
import type { Settings } from '../config/settings.js';
import { ConfigError, ProtocolError } from '../errors.js';
import { parseIsoDate } from '../protocol/iso-date.js';
import { printable } from '../protocol/python-repr.js';
import { SIGNED_CONTENT } from '../protocol/serializers.js';
import {
  type ContentSigner,
  type ContentVerifier,
  type MessageSecurity,
  packSigned,
  readSeal,
  SEAL_HEADER,
  type Sealed,
  sealedBytes,
  unpackSigned,
  writeSeal,
} from '../protocol/signing.js';
import type { Certificate } from './certificate.js';
import { readCertificate, readCertificates, readFile } from './certificate-store.js';

export type SecuritySettings = Pick<
  Settings,
  | 'securityKey'
  | 'securityKeyPassword'
  | 'securityCertificate'
  | 'securityCertStore'
  | 'securityDigest'
  | 'securityLayout'
  | 'securityHeaders'
  | 'securityMaxAge'
  | 'taskSerializer'
  | 'eventSerializer'
  | 'acceptContent'
>;

/**
 * Reads keys and certificates where the settings speak of signed messages; undefined where they do not.
 *
 * @param serializer - What is put into the envelope.
 * @throws {@link ConfigError} for a key or certificate that is missing, unreadable or of the wrong kind.
 */
export function openSecurity(settings: SecuritySettings, clock: Clock, serializer = 'json'): MessageSecurity | undefined {
  const { taskSerializer, eventSerializer, acceptContent, securityKey, securityCertStore } = settings;
  const { name } = SIGNED_CONTENT;
  const mustSign = [taskSerializer, eventSerializer].includes(name);
  if (!mustSign && !acceptContent.includes(name)) return undefined;
  if (securityCertStore === null || (mustSign && (securityKey === null || settings.securityCertificate === null))) {
    throw new ConfigError('signed messages need security_key, security_certificate and security_cert_store', {
      hint: "set them, or take 'auth' out of task_serializer, event_serializer and accept_content",
    });
  }
  const digest = digestOf(settings.securityDigest);
  const verifier = verifierOf(readCertificates(securityCertStore), settings, { digest, clock });
  return securityKey === null ? { verifier } : { signer: signerOf(settings, { digest, clock, serializer }), verifier };
}

const PADDING = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_MAX_SIGN };

function signerOf(
  settings: SecuritySettings,
  { digest, clock, serializer }: { readonly digest: string; readonly clock: Clock; readonly serializer: string },
): ContentSigner {
  const { securityKey: keyFile, securityCertificate: certificateFile, securityKeyPassword: passphrase, securityLayout: layout } = settings;
  if (keyFile === null || certificateFile === null) {
    throw new ConfigError('security_key is set and security_certificate is not', { hint: 'readers find the key by its certificate' });
  }
  const key = readPrivateKey(keyFile, passphrase);
  const certificate = readCertificate(certificateFile, 'security_certificate');
  if (!createPublicKey(key).equals(certificate.publicKey)) {
    throw new ConfigError(`security_certificate: ${certificateFile} is not of the key ${keyFile}`, {
      hint: 'nobody could verify what it signs',
    });
  }
  const signer = certificate.id;
  const signatureOf = (bytes: Uint8Array): Uint8Array => sign(digest, bytes, { key, ...PADDING });
  const seal = (message: Sealed): string => {
    const atS = Math.floor(clock.nowMs() / 1000);
    return writeSeal({ atS, signer, signature: signatureOf(sealedBytes(message, atS)) });
  };
  return {
    serializer,
    sign: (content) => packSigned({ signer, signature: signatureOf(content.body), content }, layout),
    ...(settings.securityHeaders === 'off' ? {} : { seal }),
  };
}

function readPrivateKey(file: string, passphrase: string | null): KeyObject {
  const pem = readFile(file, 'security_key');
  let key: KeyObject;
  try {
    key = createPrivateKey({ key: pem, ...(passphrase === null ? {} : { passphrase }) });
  } catch {
    // What OpenSSL says is for nobody, and may quote what it read.
    const hint =
      passphrase === null ? 'it must be a PEM file; with a password it needs security_key_password' : 'is security_key_password right?';
    throw new ConfigError(`security_key: ${file} cannot be read as a private key`, { hint });
  }
  if (key.asymmetricKeyType === 'rsa') return key;
  throw new ConfigError(`security_key: ${file} is no RSA key`, { hint: 'Celery signs with RSA only' });
}

function verifierOf(
  certificates: ReadonlyMap<string, Certificate>,
  settings: SecuritySettings,
  { digest, clock }: { readonly digest: string; readonly clock: Clock },
): ContentVerifier {
  return {
    ids: settings.securityHeaders === 'require' ? 'signed' : 'unsigned',
    verify(body) {
      const { signer, signature, content } = unpackSigned(body, (id) => certificateOf(id).signatureBytes);
      believe(signer, content.body, signature, 'signature');
      return content;
    },
    checkSeal(message) {
      const text = message.headers[SEAL_HEADER];
      const isRequired = settings.securityHeaders === 'require';
      if (text === undefined && !isRequired) return;
      const seal = typeof text === 'string' ? readSeal(text) : undefined;
      if (seal === undefined) throw refused('its headers are not signed');
      believe(seal.signer, sealedBytes(message, seal.atS), seal.signature, 'signature of the headers');
      if (isRequired) checkAge(message, seal.atS);
    },
  };

  function believe(signer: string, bytes: Uint8Array, signature: Uint8Array, what: string): void {
    const { publicKey, validFromMs, validToMs } = certificateOf(signer);
    // Celery looks when it starts and never again; and a worker that does not start because of one old certificate is no better.
    const nowMs = clock.nowMs();
    if (nowMs >= validToMs || nowMs < validFromMs) {
      throw refused(`the certificate of ${shown(signer)} ${nowMs < validFromMs ? 'is not valid yet' : 'has expired'}`);
    }
    if (!verify(digest, bytes, { key: publicKey, ...PADDING }, signature)) throw refused(`the ${what} of ${shown(signer)} is wrong`);
  }

  /** A task for later was signed when it was sent, and is not old before it is due. */
  function checkAge({ headers }: Sealed, atS: number): void {
    const { securityMaxAge: maxAgeS } = settings;
    if (maxAgeS === null) return;
    const dueMs = typeof headers['eta'] === 'string' ? (parseIsoDate(headers['eta'])?.getTime() ?? 0) : 0;
    const ageS = (clock.nowMs() - Math.max(atS * 1000, dueMs)) / 1000;
    if (ageS > maxAgeS) throw refused(`it is ${Math.round(ageS)} s old, and security_max_age allows ${maxAgeS}`);
  }

  function certificateOf(id: string): Certificate {
    const certificate = certificates.get(id);
    if (certificate === undefined) throw refused(`no certificate of ${shown(id)} is in security_cert_store`);
    return certificate;
  }
}

function shown(id: string): string {
  return `'${printable(id).slice(0, 200)}'`;
}

function refused(why: string): ProtocolError {
  return new ProtocolError('CTQ_PROTOCOL_REFUSED', `Refusing a signed message: ${why}`);
}

/** Python's names of digests: `sha256`, `SHA3_256`, `sha512_256`. */
function digestOf(name: string): string {
  const digest = name.toLowerCase().replaceAll('_', '-');
  if (/^sha(?:1|224|256|384|512|512-224|512-256|3-224|3-256|3-384|3-512)$/.test(digest)) return digest;
  throw new ConfigError(`security_digest: there is no digest ${JSON.stringify(name.slice(0, 50))}`, { hint: 'sha256, sha384 or sha512' });
}
