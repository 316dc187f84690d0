/** The status file: replaced as a whole, for its owner's eyes, and never written through a symbolic link. */
import { closeSync, openSync, renameSync, unlinkSync, writeSync } from 'node:fs';

export function writeHealthFile(path: string, text: string): void {
  const beside = `${path}.${process.pid}.new`;
  remove(beside); // In a container every run has the same pid.
  const fd = openSync(beside, 'wx', 0o600);
  try {
    writeSync(fd, text);
  } finally {
    closeSync(fd);
  }
  try {
    renameSync(beside, path);
  } catch (error) {
    remove(beside);
    throw error;
  }
}

export function removeHealthFile(path: string): void {
  remove(path);
}

function remove(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // It is gone, or what stands there is not ours to remove: then the write says so.
  }
}
