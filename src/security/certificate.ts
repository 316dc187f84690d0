/** An X.509 certificate as Celery sees it (celery/security/certificate.py): an id, an RSA key, and the time it is good for. */
import { type KeyObject, X509Certificate } from 'node:crypto';

export interface Certificate {
  /** What a message names its signer by: the issuer's values with spaces between, and the serial number in decimal. */
  readonly id: string;
  readonly publicKey: KeyObject;
  /** How long its signatures are. */
  readonly signatureBytes: number;
  /** Milliseconds since 1970. */
  readonly validFromMs: number;
  readonly validToMs: number;
}

/** @throws Error that says what is wrong with the text. */
export function parseCertificate(pem: string): Certificate {
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(pem);
  } catch {
    throw new Error('it is no certificate in PEM');
  }
  const { publicKey, raw } = certificate;
  const bits = publicKey.asymmetricKeyType === 'rsa' ? publicKey.asymmetricKeyDetails?.modulusLength : undefined;
  if (bits === undefined) throw new Error('its key is not RSA, and Celery signs with RSA only');
  return {
    id: certificateId(raw),
    publicKey,
    signatureBytes: Math.ceil(bits / 8),
    validFromMs: Date.parse(certificate.validFrom),
    validToMs: Date.parse(certificate.validTo),
  };
}

/**
 * Read from the bytes: what `X509Certificate.issuer` prints is escaped for people, and the id must be the same text as Python's.
 *
 * ```
 * Certificate → TBSCertificate → [0] version?, serial number, algorithm, issuer: a list of sets of (type, value)
 * ```
 */
function certificateId(der: Uint8Array): string {
  const [tbs] = elementsIn(elementAt(der, 0));
  const fields = tbs === undefined ? [] : elementsIn(tbs);
  const [serial, , issuer] = fields[0]?.tag === 0xa0 ? fields.slice(1) : fields;
  if (serial === undefined || issuer === undefined) throw new Error('its issuer cannot be read');
  const values = elementsIn(issuer).flatMap((set) => elementsIn(set).map((pair) => textOf(elementsIn(pair)[1])));
  return `${values.join(' ')} ${integerOf(serial)}`;
}

interface Element {
  readonly tag: number;
  readonly value: Uint8Array;
  /** Where the next one begins. */
  readonly end: number;
}

/** OpenSSL has checked the structure before us; what does not fit all the same is cut at its end. */
function elementAt(bytes: Uint8Array, start: number): Element {
  const [tag = 0, first = 0] = bytes.subarray(start, start + 2);
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
  const from = start + 2 + lengthBytes;
  let length = first;
  if (lengthBytes > 0) length = bytes.subarray(start + 2, from).reduce((sum, byte) => sum * 256 + byte, 0);
  return { tag, value: bytes.subarray(from, from + length), end: from + length };
}

function elementsIn({ value }: Element): Element[] {
  const found: Element[] = [];
  for (let at = 0; at < value.length; at = found.at(-1)?.end ?? value.length) found.push(elementAt(value, at));
  return found;
}

function integerOf({ value }: Element): bigint {
  if (value.length === 0) return 0n;
  return BigInt.asIntN(value.length * 8, BigInt(`0x${Buffer.from(value).toString('hex')}`));
}

/** The string types of a name: UTF-8 is the rule, UTF-16 and Latin-1 are old. */
function textOf(element: Element | undefined): string {
  if (element === undefined) return '';
  const bytes = Buffer.from(element.value);
  if (element.tag === 0x1e) return bytes.swap16().toString('utf16le');
  return bytes.toString(element.tag === 0x14 ? 'latin1' : 'utf8');
}
