/** kombu's default `priority_steps`: priorities between two steps share the lower one's list (WIRE 6.3). */
export const PRIORITY_STEPS = [0, 3, 6, 9] as const;

/** The largest step that is not above the priority, which is first clamped to 0…9. */
export function priorityStep(priority: number | undefined, steps: readonly number[] = PRIORITY_STEPS): number {
  const wanted = Math.min(Math.max(Number.isFinite(priority) ? (priority as number) : 0, 0), 9);
  let found = steps[0] ?? 0;
  for (const step of steps) if (step <= wanted) found = step;
  return found;
}
