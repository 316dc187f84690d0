/** A task with the tasks that it sent, and theirs: read level by level, each id once. */
import type { AsyncResult } from '../client/async-result.js';
import { resultDocument, type ResultDocument } from './result-document.js';

export type ResultNode = Omit<ResultDocument, 'children'> & { readonly children: readonly ResultNode[] };

export async function resultTree(handle: AsyncResult, seen: Set<string> = new Set()): Promise<ResultNode> {
  // A task that was retried is listed among its own children (WIRE 7.2).
  seen.add(handle.id);
  const meta = await handle.load();
  const children = (await handle.children()).filter(({ id }) => !seen.has(id));
  for (const { id } of children) seen.add(id);
  return { ...resultDocument(handle.id, meta), children: await Promise.all(children.map((child) => resultTree(child, seen))) };
}
