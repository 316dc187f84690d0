/**
 * Just enough of the Redis protocol for a test to say a command and read the answer, without the
 * client library that the code under test uses.
 */
import { connect, type Socket } from 'node:net';

export type Reply = string | number | null | Reply[];

/** An error answer of the server, its words as message. */
export class RedisReplyError extends Error {
  override readonly name = 'RedisReplyError';
}

/** Sends commands over one connection, in order, and gives the answers. */
export async function redisCommands(
  port: number,
  commands: readonly (readonly (string | number | Uint8Array)[])[],
  timeoutMs = 10_000,
): Promise<Reply[]> {
  const socket = connect(port, '127.0.0.1');
  try {
    return await converse(socket, commands, timeoutMs);
  } finally {
    socket.destroy();
  }
}

function converse(socket: Socket, commands: readonly (readonly (string | number | Uint8Array)[])[], timeoutMs: number): Promise<Reply[]> {
  return new Promise((resolve, reject) => {
    let received = Buffer.alloc(0);
    const replies: Reply[] = [];
    const timer = setTimeout(() => reject(new Error(`no answer from redis within ${timeoutMs} ms`)), timeoutMs);
    const settle = (act: () => void): void => {
      clearTimeout(timer);
      act();
    };
    socket.on('error', (error) => settle(() => reject(error)));
    socket.on('close', () => settle(() => reject(new Error('redis closed the connection'))));
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      try {
        for (let parsed = parse(received, 0); parsed !== undefined; parsed = parse(received, 0)) {
          replies.push(parsed.value);
          received = received.subarray(parsed.end);
        }
      } catch (error) {
        settle(() => reject(error));
        return;
      }
      if (replies.length >= commands.length) settle(() => resolve(replies));
    });
    for (const words of commands) socket.write(encode(words));
  });
}

function encode(words: readonly (string | number | Uint8Array)[]): Buffer {
  const parts: Buffer[] = [Buffer.from(`*${words.length}\r\n`)];
  for (const word of words) {
    const bytes = typeof word === 'object' ? Buffer.from(word) : Buffer.from(String(word));
    parts.push(Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from('\r\n'));
  }
  return Buffer.concat(parts);
}

function parse(bytes: Buffer, at: number): { value: Reply; end: number } | undefined {
  const lineEnd = bytes.indexOf('\r\n', at);
  if (lineEnd < 0) return undefined;
  const text = bytes.toString('utf8', at + 1, lineEnd);
  const next = lineEnd + 2;
  switch (String.fromCharCode(bytes[at] ?? 0)) {
    case '+':
      return { value: text, end: next };
    case '-':
      throw new RedisReplyError(text);
    case ':':
      return { value: Number(text), end: next };
    case '$': {
      const length = Number(text);
      if (length < 0) return { value: null, end: next };
      return bytes.length < next + length + 2 ? undefined : { value: bytes.toString('utf8', next, next + length), end: next + length + 2 };
    }
    case '*':
      return parseArray(bytes, Number(text), next);
    default:
      throw new Error(`not a redis reply: ${bytes.toString('latin1', at, at + 40)}`);
  }
}

function parseArray(bytes: Buffer, count: number, start: number): { value: Reply; end: number } | undefined {
  if (count < 0) return { value: null, end: start };
  const items: Reply[] = [];
  let end = start;
  for (let index = 0; index < count; index++) {
    const item = parse(bytes, end);
    if (item === undefined) return undefined;
    items.push(item.value);
    end = item.end;
  }
  return { value: items, end };
}
