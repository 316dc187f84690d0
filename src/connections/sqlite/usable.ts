/** For who stays: whether the file may be used at all, asked before anything waits for it. */
import { toBrokerError } from './failure.js';
import { prepareDatabaseFile } from './file.js';
import { parseSqliteUrl } from './url.js';

/** Makes folder and file where they are missing. @throws BrokerError that says what is in the way. */
export function assertUsable(url: string): void {
  const { path } = parseSqliteUrl(url);
  try {
    prepareDatabaseFile(path);
  } catch (error) {
    throw toBrokerError(error, path);
  }
}
