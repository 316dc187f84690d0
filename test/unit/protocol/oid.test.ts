import { describe, expect, it } from 'vitest';
import { newId, processOid } from '../../../src/protocol/oid.js';

const UUID4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

describe('processOid', () => {
  it('is one UUID for the whole process', () => {
    expect(processOid()).toMatch(UUID4);
    expect(processOid()).toBe(processOid());
  });
});

describe('newId', () => {
  it('is a fresh UUID4 in lower case', () => {
    const ids = new Set(Array.from({ length: 1000 }, newId));
    expect(ids.size).toBe(1000);
    for (const id of ids) expect(id).toMatch(UUID4);
  });
});
