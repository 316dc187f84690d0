/** Settings of signed messages (docs/security.md). */
import { choice, seconds, secret, text, type Setting } from '../setting-kinds.js';

export const SIGNING = {
  // ── Signed messages ───────────────────────────────────────────────────────────────────────────
  /** File with the certificate of `securityKey`: what readers know the signer by. */
  securityCertificate: text(null, 'CELERY_SECURITY_CERTIFICATE'),
  /** Folder, or pattern such as `/etc/ssl/certs/*.pem`, with the certificates of those whose messages are believed. */
  securityCertStore: text(null, 'CELERY_SECURITY_CERT_STORE'),
  /** File with the private RSA key that signs. */
  securityKey: text(null, 'CELERY_SECURITY_KEY'),
  /** What the file of `securityKey` is locked with. */
  securityKeyPassword: secret(),
  /** With which sum messages are signed. */
  securityDigest: text('sha256', 'CELERY_SECURITY_DIGEST'),
  /** Ours: how signed messages are written, `5.5` for readers with Celery 5.5 and later, `5.2` for those before; both are read. */
  securityLayout: choice(['5.5', '5.2'], '5.5'),
  /** Ours: whether the headers of signed tasks are signed, too (`sign`), and tasks without that are refused (`require`). */
  securityHeaders: choice(['off', 'sign', 'require'], 'off'),
  /** Ours: with `securityHeaders` at `require`, a task that was signed so long ago, or whose ETA was, is refused. Seconds. */
  securityMaxAge: seconds(null),
} as const satisfies Readonly<Record<string, Setting<unknown>>>;
