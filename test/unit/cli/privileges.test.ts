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
    expect(rootWarning({ env: {}, allowed: false, setting: null })).toContain(`--uid, or say --allow-root (uid=${uid} euid=${euid})`);
  });

  it('is not told when somebody has said that it may', () => {
    as(0);
    expect(rootWarning({ env: {}, allowed: true, setting: null })).toBeUndefined();
    expect(rootWarning({ env: { C_FORCE_ROOT: '1' }, allowed: false, setting: null })).toBeUndefined();
    expect(rootWarning({ env: { CTQ_ALLOW_ROOT: 'true' }, allowed: false, setting: null })).toBeUndefined();
    expect(rootWarning({ env: { CTQ_ALLOW_ROOT: '' }, allowed: false, setting: null })).toBeDefined();
  });

  it('is refused when the settings say so, or the environment, and a flag has the last word', () => {
    as(0);
    const refused = /may not run as root/;
    expect(() => rootWarning({ env: {}, allowed: false, setting: false })).toThrow(refused);
    for (const word of ['0', 'false', 'No']) {
      expect(() => rootWarning({ env: { CTQ_ALLOW_ROOT: word }, allowed: false, setting: true })).toThrow(refused);
    }
    expect(rootWarning({ env: { CTQ_ALLOW_ROOT: '1' }, allowed: false, setting: false })).toBeUndefined();
    expect(rootWarning({ env: { CTQ_ALLOW_ROOT: '0' }, allowed: true, setting: false })).toBeUndefined();
    expect(rootWarning({ env: { C_FORCE_ROOT: '1' }, allowed: false, setting: false })).toBeUndefined();
    expect(rootWarning({ env: {}, allowed: false, setting: true })).toBeUndefined();
  });

  it('is not told when it is somebody else', () => {
    as(1000);
    expect(rootWarning({ env: {}, allowed: false, setting: null })).toBeUndefined();
  });
});
