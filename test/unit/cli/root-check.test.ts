import { afterEach, describe, expect, it, vi } from 'vitest';
import { UsageError } from '../../../src/errors.js';
import { type RootQuestion, rootWarning } from '../../../src/cli/root-check.js';

afterEach(() => vi.restoreAllMocks());

function as(uid: number, euid = uid): void {
  vi.spyOn(process, 'getuid').mockReturnValue(uid);
  vi.spyOn(process, 'geteuid').mockReturnValue(euid);
}

const ask = (question: Partial<RootQuestion> = {}): string | undefined =>
  rootWarning({ who: 'worker', env: {}, allowed: false, setting: null, onMachine: () => false, ...question });

describe.each(['worker', 'beat'] as const)('a %s that runs as root', (who) => {
  it('is refused on a machine that could start it as another user, and told how to allow it', () => {
    as(0);
    try {
      ask({ who, onMachine: () => true });
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(UsageError);
      expect(error).toMatchObject({
        message: expect.stringContaining(`this ${who} would run as root`) as string,
        hint: expect.stringMatching(/--uid.*--allow-root, worker_allow_root: true or CTQ_ALLOW_ROOT=1/) as string,
      });
    }
  });

  it('is warned in a container', () => {
    as(0);
    expect(ask({ who })).toMatch(new RegExp(`^This ${who} runs as root, .*--uid, or say --allow-root \\(uid=0 euid=0\\)$`));
    expect(ask({ who, env: { CTQ_ALLOW_ROOT: '' } })).toBeDefined();
  });

  it('is refused everywhere when it became root without having been started by root', () => {
    as(1000, 0);
    expect(() => ask({ who })).toThrow(UsageError);
    expect(ask({ who, allowed: true })).toBeUndefined();
  });

  it.each(['a container', 'a machine'])('runs without a word on %s when somebody has said that it may', (place) => {
    as(0);
    const onMachine = (): boolean => place === 'a machine';
    expect(ask({ who, onMachine, allowed: true })).toBeUndefined();
    expect(ask({ who, onMachine, env: { C_FORCE_ROOT: '1' } })).toBeUndefined();
    expect(ask({ who, onMachine, env: { CTQ_ALLOW_ROOT: 'true' } })).toBeUndefined();
    expect(ask({ who, onMachine, setting: true })).toBeUndefined();
  });

  it('is refused everywhere when the settings say so, or the environment, and a flag has the last word', () => {
    as(0);
    const refused = /may not run as root/;
    expect(() => ask({ who, setting: false })).toThrow(refused);
    for (const word of ['0', 'false', 'No']) {
      expect(() => ask({ who, env: { CTQ_ALLOW_ROOT: word }, setting: true })).toThrow(refused);
    }
    expect(ask({ who, env: { CTQ_ALLOW_ROOT: '1' }, setting: false })).toBeUndefined();
    expect(ask({ who, env: { CTQ_ALLOW_ROOT: '0' }, allowed: true, setting: false })).toBeUndefined();
    expect(ask({ who, env: { C_FORCE_ROOT: '1' }, setting: false })).toBeUndefined();
  });

  it('is not told when it is somebody else', () => {
    as(1000);
    expect(ask({ who, onMachine: () => true })).toBeUndefined();
  });
});
