/** A task with the tasks that it sent, and theirs: each id once, however they hang together. */
import type { ResultMeta } from '../protocol/result-meta.js';
import { idsIn, resultDocument, type ResultDocument } from './result-document.js';

export type ResultNode = Omit<ResultDocument, 'children'> & { readonly children: readonly ResultNode[] };

export type LoadMeta = (id: string) => Promise<ResultMeta | undefined>;

export async function resultTree(id: string, load: LoadMeta, seen: Set<string> = new Set()): Promise<ResultNode> {
  // A task that was retried is listed among its own children (WIRE 7.2).
  seen.add(id);
  const meta = await load(id);
  const nodes: ResultNode[] = [];
  for (const child of (meta?.children ?? []).flatMap(idsIn)) {
    if (!seen.has(child)) nodes.push(await resultTree(child, load, seen));
  }
  return { ...resultDocument(id, meta), children: nodes };
}
