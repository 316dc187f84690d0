/** The walk of SCAN and its sisters: a cursor is handed back until the server says that all was seen. */

/**
 * Pages as the server finds them, none of them empty. What moves meanwhile may come twice, or not at all.
 *
 * @param step - One call of SCAN, SSCAN or ZSCAN with the cursor of the call before.
 */
export async function* scanned(step: (cursor: string) => Promise<unknown>, signal?: AbortSignal): AsyncGenerator<readonly string[]> {
  let cursor = '0';
  do {
    signal?.throwIfAborted();
    const [next, found] = (await step(cursor)) as readonly [string, readonly string[]];
    if (found.length > 0) yield found;
    cursor = next;
  } while (cursor !== '0');
}
