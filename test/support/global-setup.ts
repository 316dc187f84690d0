interface Builder {
  build(): Promise<void>;
  staleReason(): string | undefined;
}

/**
 * Runs once before all tests: dist/ must be what src/ says, for the tests that start `bin/ctq.js` and
 * for our own threads. A tree that does not build must not keep the unit tests from telling what they know,
 * so this only warns; `npm test` counts the failed build.
 */
export default async function setup(): Promise<void> {
  const builder: Builder = await import(new URL('../../tools/build.mjs', import.meta.url).href);
  if (builder.staleReason() === undefined) return;
  try {
    await builder.build();
  } catch (error) {
    process.stderr.write(`\nWARNING: src/ does not build, dist/ is old or missing. Tests of bin/ctq.js tell nothing.\n${String(error)}\n`);
  }
}
