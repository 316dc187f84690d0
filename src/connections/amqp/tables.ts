/**
 * Makes one tag of header tables readable to the driver. py-amqp writes whole numbers of more than 31 bits
 * as `L`; RabbitMQ passes them on as they are, and the driver gives the connection up over a tag that it
 * does not know: one message of Celery's would end every connection that it is delivered to. `l` means the
 * same eight bytes, so the tag is changed on its way in.
 */
const FRAME_HEADER = 7;
const FRAME_END = 1;
const HEADER_FRAME = 2;
const CONTENT_HEADER = 14;
const UNKNOWN_TAG = 0x4c;
const SAME_TAG = 0x6c;
/** Property flags of the content header, from the left: content-type, content-encoding, headers … */
const HAS_TYPE = 0x8000;
const HAS_ENCODING = 0x4000;
const HAS_HEADERS = 0x2000;

export interface ByteSource {
  read(): Buffer | null;
}

/** Lets everything through that comes out of `source.read`, whole header frames at a time. */
export function repairTables(source: ByteSource): void {
  const read = source.read.bind(source);
  let rest: Buffer | undefined;
  /** Bytes of the frame that has begun and needs no look. */
  let skip = 0;
  source.read = () => {
    const incoming = read();
    if (incoming === null) return null;
    const bytes = rest === undefined ? incoming : Buffer.concat([rest, incoming]);
    rest = undefined;
    let at = Math.min(skip, bytes.length);
    skip -= at;
    while (at < bytes.length) {
      const left = bytes.length - at;
      const size = left < FRAME_HEADER ? 0 : FRAME_HEADER + bytes.readUInt32BE(at + 3) + FRAME_END;
      if (left < FRAME_HEADER || (left < size && bytes[at] === HEADER_FRAME)) {
        rest = bytes.subarray(at);
        return at === 0 ? null : bytes.subarray(0, at);
      }
      if (bytes[at] === HEADER_FRAME) repairFrame(bytes.subarray(at + FRAME_HEADER, at + size - FRAME_END));
      skip = Math.max(0, size - left);
      at += Math.min(size, left);
    }
    return bytes;
  };
}

function repairFrame(payload: Buffer): void {
  // Most headers hold no such byte at all.
  if (!payload.includes(UNKNOWN_TAG)) return;
  if (payload.length < CONTENT_HEADER) return;
  const flags = payload.readUInt16BE(CONTENT_HEADER - 2);
  if ((flags & HAS_HEADERS) === 0) return;
  let at = CONTENT_HEADER;
  for (const flag of [HAS_TYPE, HAS_ENCODING]) if ((flags & flag) !== 0) at += 1 + (payload[at] ?? 0);
  try {
    repairTable(payload, at);
  } catch (error) {
    // What is no table is for the driver to complain about.
    if (!(error instanceof RangeError)) throw error;
  }
}

/** @returns Where the table ends. */
function repairTable(bytes: Buffer, start: number): number {
  const end = start + 4 + bytes.readUInt32BE(start);
  let at = start + 4;
  while (at < end) at = repairValue(bytes, at + 1 + bytes.readUInt8(at));
  return end;
}

function repairValue(bytes: Buffer, at: number): number {
  const tag = bytes.readUInt8(at);
  const value = at + 1;
  if (tag === UNKNOWN_TAG) bytes[at] = SAME_TAG;
  switch (String.fromCharCode(tag)) {
    case 't':
    case 'b':
    case 'B':
      return value + 1;
    case 's':
    case 'u':
      return value + 2;
    case 'I':
    case 'i':
    case 'f':
      return value + 4;
    case 'D':
      return value + 5;
    case 'L':
    case 'l':
    case 'd':
    case 'T':
      return value + 8;
    case 'S':
    case 'x':
      return value + 4 + bytes.readUInt32BE(value);
    case 'F':
      return repairTable(bytes, value);
    case 'A': {
      const end = value + 4 + bytes.readUInt32BE(value);
      let item = value + 4;
      while (item < end) item = repairValue(bytes, item);
      return end;
    }
    case 'V':
      return value;
    default:
      throw new RangeError('no tag of AMQP');
  }
}
