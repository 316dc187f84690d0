/** A task with the tasks and groups that it sent, and theirs: each id once, however they hang together. */
import type { ResultMeta, ResultTree } from '../protocol/result-meta.js';
import { resultDocument, type ResultDocument } from './result-document.js';

export type ResultNode = TaskNode | GroupNode;
export type TaskNode = Omit<ResultDocument, 'children'> & { readonly children: readonly ResultNode[] };

/** Nothing is stored about a group but who belongs to it. */
export interface GroupNode {
  readonly id: string;
  readonly group: true;
  readonly children: readonly ResultNode[];
}

export interface TreeSource {
  load(id: string): Promise<ResultMeta | undefined>;
  /** The members of a group that was saved. */
  loadGroup(id: string): Promise<ResultTree | undefined>;
}

export async function resultTree(id: string, source: TreeSource): Promise<ResultNode> {
  const meta = await source.load(id);
  const tree: ResultTree = (meta === undefined ? await source.loadGroup(id) : undefined) ?? [[id, null], null];
  return nodeOf(tree, source, new Set());
}

async function nodeOf([[id], members]: ResultTree, source: TreeSource, seen: Set<string>): Promise<ResultNode> {
  // A task that was retried is listed among its own children (WIRE 7.2).
  seen.add(id);
  if (members !== null) return { id, group: true, children: await nodesOf(members, source, seen) };
  const meta = await source.load(id);
  return { ...resultDocument(id, meta), children: await nodesOf(meta?.children ?? [], source, seen) };
}

async function nodesOf(trees: readonly ResultTree[], source: TreeSource, seen: Set<string>): Promise<ResultNode[]> {
  const nodes: ResultNode[] = [];
  for (const tree of trees) {
    const [[id]] = tree;
    if (!seen.has(id)) nodes.push(await nodeOf(tree, source, seen));
  }
  return nodes;
}
