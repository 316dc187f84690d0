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
 * The URL, or the several URLs with `;` between, without passwords: `redis://:**@host/0`.
 */
export function maskUrl(url: string): string {
  return splitUrls(url).map(maskOne).join(';');
}

/** Free text, such as another program's error message, with every URL in it masked. */
export function maskUrlsIn(text: string): string {
  return text.replace(/[a-z][a-z0-9+.-]*:\/\/[^\s'"`<>]+/gi, maskUrl);
}

/**
 * One part per URL. A part after `;` without a scheme of its own (`sentinel://h1:26379;h2:26379`) is
 * another address, unless an `@` in it says that the `;` may have been inside a password.
 */
function splitUrls(url: string): string[] {
  const parts: string[] = [];
  for (const part of url.split(';')) {
    const before = parts.at(-1);
    const continues = before !== undefined && !/^[a-z][a-z0-9+.-]*:\/\//i.test(part) && part.includes('@') && !before.includes('@');
    if (continues) parts[parts.length - 1] = `${before};${part}`;
    else parts.push(part);
  }
  return parts;
}

function maskOne(url: string): string {
  const scheme = /^[a-z][a-z0-9+.-]*:\/\//i.exec(url)?.[0] ?? '';
  return scheme + maskQuery(maskUserInfo(url.slice(scheme.length)));
}

/** From the first `:` to the last `@`, whatever stands between. */
function maskUserInfo(rest: string): string {
  const end = rest.lastIndexOf('@');
  const colon = rest.indexOf(':');
  if (end === -1 || colon === -1 || colon > end) return rest;
  return `${rest.slice(0, colon)}:${MASK}${rest.slice(end)}`;
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
