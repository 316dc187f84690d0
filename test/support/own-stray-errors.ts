/** The test runner listens to stray errors, too, and would call those of the tasks under test its own. */
const EVENTS = ['unhandledRejection', 'uncaughtException'] as const;

/** Takes its listeners away until the returned function is called. */
export function ownStrayErrors(): () => void {
  const taken = EVENTS.map((event) => {
    const listeners = process.listeners(event as 'uncaughtException');
    process.removeAllListeners(event);
    return { event, listeners };
  });
  return () => {
    for (const { event, listeners } of taken) for (const listener of listeners) process.on(event as 'uncaughtException', listener);
  };
}
