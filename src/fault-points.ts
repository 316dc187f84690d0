/**
 * Named places where a test may kill the process: `CTQ_FAULT=redis.take.replied:3` ends it, as by
 * `kill -9`, the third time that place is passed. Without the variable at start this costs nothing.
 */
const [wantedPoint, wantedPass] = parseFault(process.env['CTQ_FAULT']);
let passes = 0;

function parseFault(text: string | undefined): readonly [string | undefined, number] {
  const match = text === undefined ? null : /^([a-z0-9.-]+)(?::([0-9]+))?$/.exec(text);
  return match === null ? [undefined, 0] : [match[1], Number(match[2] ?? 1)];
}

function dieAtPoint(name: string): void {
  if (name !== wantedPoint) return;
  passes += 1;
  if (passes === wantedPass) process.kill(process.pid, 'SIGKILL');
}

/** Marks a place before or after a broker round trip. */
export const faultPoint: (name: string) => void = wantedPoint === undefined ? () => {} : dieAtPoint;
