/**
 * Stamps: named values that travel in the headers of every message of a canvas, so that its tasks can be
 * found and revoked together (WIRE 8.10, Celery's `StampingVisitor`).
 */
import { type CanvasNode, headerTasks, type NodeOptions } from './node.js';
import { nodeToJson } from './node-json.js';
import type { SignatureJson } from '../protocol/signature.js';

/** Stamps by their names. They travel as headers of the message, to the worker and into its results and events. */
export type Stamps = Readonly<Record<string, unknown>>;

/**
 * Gives stamps part by part. Each method gets the part as Celery's dict and the stamps that apply so far,
 * and returns further ones.
 */
export interface StampingVisitor {
  onSignature(signature: SignatureJson, stamps: Stamps): Stamps | undefined;
  onGroupStart?(group: SignatureJson, stamps: Stamps): Stamps | undefined;
  onGroupEnd?(group: SignatureJson, stamps: Stamps): void;
  onChainStart?(chain: SignatureJson, stamps: Stamps): Stamps | undefined;
  onChainEnd?(chain: SignatureJson, stamps: Stamps): void;
  /** Default: what the visitor says about a group. */
  onChordHeaderStart?(chord: SignatureJson, stamps: Stamps): Stamps | undefined;
  onChordHeaderEnd?(chord: SignatureJson, stamps: Stamps): void;
  /** A chord's body is stamped by visitors only. */
  onChordBody?(chord: SignatureJson, stamps: Stamps): Stamps | undefined;
  onCallback?(callback: SignatureJson, stamps: Stamps): Stamps | undefined;
  onErrback?(errback: SignatureJson, stamps: Stamps): Stamps | undefined;
}

/** What becomes of a second value for a stamp: the first is kept, or both are, in a list. */
export type StampClash = 'keep' | 'append';

export function stamp(node: CanvasNode, stamps: Stamps | StampingVisitor, clash: StampClash = 'keep'): void {
  if (isVisitor(stamps)) new Stamper(stamps, clash).stamp(node, {});
  else new Stamper(undefined, clash).stamp(node, stamps);
}

class Stamper {
  readonly #visitor: StampingVisitor | undefined;
  readonly #clash: StampClash;

  constructor(visitor: StampingVisitor | undefined, clash: StampClash) {
    this.#visitor = visitor;
    this.#clash = clash;
  }

  stamp(node: CanvasNode, given: Stamps): void {
    const visitor = this.#visitor;
    switch (node.kind) {
      case 'task':
        this.#links(node.options, given);
        writeStamps(node.options, this.#own(node, this.#merge(given, visitor?.onSignature(nodeToJson(node), given))));
        return;
      case 'chain': {
        const stamps = this.#own(node, this.#merge(given, visitor?.onChainStart?.(nodeToJson(node), given)));
        this.#links(node.options, stamps);
        for (const task of node.tasks) this.stamp(task, stamps);
        visitor?.onChainEnd?.(nodeToJson(node), stamps);
        return;
      }
      case 'group': {
        const stamps = this.#own(node, this.#merge(given, visitor?.onGroupStart?.(nodeToJson(node), given)));
        this.#links(node.options, stamps);
        for (const task of node.tasks) this.stamp(task, stamps);
        visitor?.onGroupEnd?.(nodeToJson(node), stamps);
        return;
      }
      case 'chord': {
        const json = nodeToJson(node);
        const own =
          visitor?.onChordHeaderStart === undefined ? visitor?.onGroupStart?.(json, given) : visitor.onChordHeaderStart(json, given);
        const stamps = this.#own(node, this.#merge(given, own));
        this.#links(node.options, stamps);
        for (const task of headerTasks(node)) this.stamp(task, stamps);
        if (visitor?.onChordHeaderEnd === undefined) visitor?.onGroupEnd?.(nodeToJson(node), stamps);
        else visitor.onChordHeaderEnd(nodeToJson(node), stamps);
        if (visitor === undefined || node.body === null) return;
        this.stamp(node.body, this.#merge(stamps, visitor.onChordBody?.(nodeToJson(node), stamps)));
        return;
      }
      default:
        node satisfies never;
    }
  }

  #links({ link, linkError }: NodeOptions, given: Stamps): void {
    for (const callback of link ?? []) {
      this.stamp(callback, this.#merge(given, this.#visitor?.onCallback?.(nodeToJson(callback), given)));
    }
    for (const errback of linkError ?? []) {
      this.stamp(errback, this.#merge(given, this.#visitor?.onErrback?.(nodeToJson(errback), given)));
    }
  }

  #own(node: CanvasNode, stamps: Stamps): Stamps {
    return this.#merge(stamps, node.options.stamps ?? undefined);
  }

  #merge(first: Stamps, second: Stamps | undefined): Stamps {
    const merged: Record<string, unknown> = { ...first };
    for (const [name, value] of Object.entries(second ?? {})) {
      const there = merged[name];
      if (!Object.hasOwn(merged, name)) merged[name] = value;
      else if (Array.isArray(there) && Array.isArray(value)) merged[name] = [...(there as unknown[]), ...(value as unknown[])];
      else if (this.#clash === 'append') merged[name] = [...(Array.isArray(there) ? (there as unknown[]) : [there]), value];
    }
    return merged;
  }
}

function writeStamps(options: NodeOptions, stamps: Stamps): void {
  const names = Object.keys(stamps);
  if (names.length === 0) return;
  options.stampedHeaders = names;
  options.stamps = stamps;
}

function isVisitor(stamps: Stamps | StampingVisitor): stamps is StampingVisitor {
  return typeof (stamps as Partial<StampingVisitor>).onSignature === 'function';
}
