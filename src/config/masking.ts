/**
 * Takes the secrets out of URLs before anybody sees them: errors, banner, logs, `--json`, remote
 * control. Where it is not clear what is a password, more is hidden rather than less: an unescaped
 * `/`, `#`, `@` or `;` in a password must not show its second half.
 */

/** What stands for a secret; kombu prints the same two stars. */
export const MASK = '**';

/** Query keys whose value is a secret; `ssl_keyfile` is a path and stays. */
const SECRET_QUERY_KEY =
  /^(?:.*[._-])?(?:password|passwd|passphrase|pass|pwd|secret|token|credentials?|auth|signature|sig|(?:api|access|private|secret)[._-]?key)$/i;

/**
 * The URL, or the several URLs with `;` between, without passwords: `redis://:**@host/0`. Only a `;`
 * with a scheme behind it certainly begins another URL; any other may be inside a password.
 */
export function maskUrl(url: string): string {
  return url
    .split(/;(?=[a-z][a-z0-9+.-]*:\/\/)/i)
    .map(maskOne)
    .join(';');
}

/** Free text, such as another program's error message, with every URL in it masked. */
export function maskUrlsIn(text: string): string {
  return text.replace(/[a-z][a-z0-9+.-]*:\/\/[^\s'"`<>]+/gi, maskUrl);
}

function maskOne(url: string): string {
  const scheme = /^[a-z][a-z0-9+.-]*:\/\//i.exec(url)?.[0] ?? '';
  return scheme + maskQuery(maskUserInfo(url.slice(scheme.length)));
}

/** From the first `:` to the last `@`, whatever stands between. */
function maskUserInfo(rest: string): string {
  const colon = rest.indexOf(':');
  const end = rest.lastIndexOf('@');
  if (end > colon && colon !== -1) return `${rest.slice(0, colon)}:${MASK}${rest.slice(end)}`;
  // No address, but no port either: the first half of a password with `;scheme://` in it.
  return end === -1 && !rest.startsWith('[') ? rest.replace(/^([^:/?#]*):(?!\d*(?:[/?#;]|$)).*$/s, `$1:${MASK}`) : rest;
}

function maskQuery(rest: string): string {
  const start = rest.indexOf('?');
  if (start === -1) return rest;
  const pairs = rest
    .slice(start + 1)
    .split('&')
    .map((pair) => {
      const equals = pair.indexOf('=');
      const key = equals === -1 ? pair : pair.slice(0, equals);
      return equals !== -1 && SECRET_QUERY_KEY.test(key) ? `${key}=${MASK}` : pair;
    });
  return `${rest.slice(0, start + 1)}${pairs.join('&')}`;
}
