/** The promise of a result before anything is sent: ids, and who came before whom. */
import type { ResultTree } from '../protocol/result-meta.js';

export interface Handle {
  readonly id: string;
  /** What ran before it: the previous step of a chain, the header of a chord. */
  parent: Handle | null;
  /** The members of a group; null for one task. */
  readonly members: readonly Handle[] | null;
}

export function taskHandle(id: string): Handle {
  return { id, parent: null, members: null };
}

export function groupHandle(id: string, members: readonly Handle[]): Handle {
  return { id, parent: null, members };
}

/** The earliest ancestor: where what came before is to be hung on. */
export function rootOf(handle: Handle): Handle {
  let at = handle;
  while (at.parent !== null) at = at.parent;
  return at;
}

/** As results and saved groups hold it (WIRE 7.4). */
export function treeOf(handle: Handle): ResultTree {
  return [[handle.id, handle.parent === null ? null : treeOf(handle.parent)], handle.members === null ? null : handle.members.map(treeOf)];
}

export function handleOf(tree: ResultTree): Handle {
  const [[id, parent], members] = tree;
  return { id, parent: parent === null ? null : handleOf(parent), members: members === null ? null : members.map(handleOf) };
}
