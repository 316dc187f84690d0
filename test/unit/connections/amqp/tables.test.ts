import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { repairTables } from '../../../../src/connections/amqp/tables.js';

/** A frame as it travels. */
function frame(type: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(7);
  head.writeUInt8(type, 0);
  head.writeUInt16BE(1, 1);
  head.writeUInt32BE(payload.length, 3);
  return Buffer.concat([head, payload, Buffer.from([0xce])]);
}

/** A content header with a content type and these headers. */
function header(table: Buffer): Buffer {
  const fixed = Buffer.alloc(14);
  fixed.writeUInt16BE(60, 0);
  fixed.writeUInt16BE(0x8000 | 0x2000, 12);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(table.length);
  return frame(2, Buffer.concat([fixed, Buffer.from([1]), Buffer.from('L'), length, table]));
}

function field(name: string, tag: string, value: Buffer): Buffer {
  return Buffer.concat([Buffer.from([name.length]), Buffer.from(name), Buffer.from(tag), value]);
}

function sized(value: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(value.length);
  return Buffer.concat([length, value]);
}

/** What comes through when the bytes arrive in these pieces. */
function through(pieces: readonly Buffer[]): Buffer {
  const waiting = pieces.map((piece) => Buffer.from(piece));
  const source = { read: (): Buffer | null => waiting.shift() ?? null };
  repairTables(source);
  const came: Buffer[] = [];
  // A socket that has nothing whole to give says so and is asked again.
  while (waiting.length > 0) {
    const bytes = source.read();
    if (bytes !== null) came.push(bytes);
  }
  return Buffer.concat(came);
}

const LONG = Buffer.from([0, 0, 1, 0, 0, 0, 0, 0]);
const BODY = frame(3, Buffer.from('LLLL, a body like a table'));
const table = (tag: string): Buffer =>
  Buffer.concat([
    field('L', 'S', sized(Buffer.from('L is a letter here'))),
    field('at', tag, LONG),
    field('in', 'F', sized(field('deep', 'A', sized(Buffer.concat([Buffer.from(tag), LONG, Buffer.from('t'), Buffer.from([1])]))))),
    field('none', 'V', Buffer.alloc(0)),
  ]);

describe('header tables on their way in', () => {
  it('have the one tag changed that the driver does not know, however the bytes come in pieces', () => {
    const sent = Buffer.concat([BODY, header(table('L')), BODY, header(table('l')), frame(8, Buffer.alloc(0))]);
    const wanted = Buffer.concat([BODY, header(table('l')), BODY, header(table('l')), frame(8, Buffer.alloc(0))]);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: sent.length })), (cuts) => {
        const at = [0, ...cuts.toSorted((a, b) => a - b), sent.length];
        const pieces = at.slice(1).map((end, index) => sent.subarray(at[index], end));
        expect(through(pieces).equals(wanted)).toBe(true);
      }),
    );
  });

  it('pass as they are when they are no tables', () => {
    const broken = header(Buffer.from('LLLLLLLLLLLL'));
    expect(through([broken]).equals(broken)).toBe(true);
  });
});
