import { afterEach, describe, expect, it, vi } from 'vitest';
import { rootWarning } from '../../../src/cli/privileges.js';

afterEach(() => vi.restoreAllMocks());

function as(uid: number, euid = uid): void {
  vi.spyOn(process, 'getuid').mockReturnValue(uid);
  vi.spyOn(process, 'geteuid').mockReturnValue(euid);
}

describe('a worker that runs as root', () => {
  it.each([
    [0, 0],
    [1000, 0],
  ])('is told so (uid %i, euid %i)', (uid, euid) => {
    as(uid, euid);
    expect(rootWarning({ env: {}, allowed: false })).toContain(`--uid, or say --allow-root (uid=${uid} euid=${euid})`);
  });

  it('is not told when somebody has said that it may', () => {
    as(0);
    expect(rootWarning({ env: {}, allowed: true })).toBeUndefined();
    expect(rootWarning({ env: { C_FORCE_ROOT: '1' }, allowed: false })).toBeUndefined();
    expect(rootWarning({ env: { CTQ_ALLOW_ROOT: 'true' }, allowed: false })).toBeUndefined();
    expect(rootWarning({ env: { CTQ_ALLOW_ROOT: '' }, allowed: false })).toBeDefined();
  });

  it('is not told when it is somebody else', () => {
    as(1000);
    expect(rootWarning({ env: {}, allowed: false })).toBeUndefined();
  });
});
