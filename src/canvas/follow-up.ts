/**
 * What must be sent when a task has ended (WIRE 8.8): its callbacks, the next step of its chain, its
 * errbacks. Decides and sends nothing; every id is fixed here, so that sending again after a lost
 * connection sends the same task.
 */
import type { ApplyAsyncOptions } from '../client/apply-async-options.js';
import { ProtocolError } from '../errors.js';
import type { ResultTree } from '../protocol/result-meta.js';
import { memberSignatures, readOptions, readSignature, type Signature } from './signature.js';

export interface PlannedSend {
  readonly task: string;
  readonly args: readonly unknown[];
  readonly options: ApplyAsyncOptions;
}

export interface FollowUp {
  readonly sends: readonly PlannedSend[];
  /** What they add to the `children` of the task that ended. */
  readonly children: readonly ResultTree[];
}

/** The task that ended. */
export interface EndedTask {
  readonly id: string;
  readonly rootId: string;
  /** Given on to what follows, where `task_inherit_parent_priority` says so. */
  readonly priority: number | undefined;
  readonly callbacks: readonly unknown[] | null;
  readonly errbacks: readonly unknown[] | null;
  /** Remaining steps, the next one last. */
  readonly chain: readonly unknown[] | null;
}

const NOTHING: FollowUp = { sends: [], children: [] };

/** True when {@link afterSuccess} would find nothing: asked for every task, so it is cheap. */
export function endsHere(ended: Pick<EndedTask, 'callbacks' | 'chain'>): boolean {
  return (ended.callbacks === null || ended.callbacks.length === 0) && (ended.chain === null || ended.chain.length === 0);
}

/**
 * Callbacks and the next step, each called with the result.
 *
 * @throws ProtocolError when one of them is no signature, or of a kind that cannot be sent.
 */
export function afterSuccess(ended: EndedTask, result: unknown, newId: () => string): FollowUp {
  const plan = new Plan(ended, newId);
  const callbacks = (ended.callbacks ?? []).map(readSignature);
  if (callbacks.length === 1) plan.call(callbacks[0] as Signature, [result]);
  else {
    // Celery sends the groups among several callbacks one by one and all others together, as a group.
    for (const group of callbacks.filter(({ subtaskType }) => subtaskType === 'group')) plan.call(group, [result]);
    plan.callTogether(
      callbacks.filter(({ subtaskType }) => subtaskType !== 'group'),
      [result],
    );
  }
  const { chain } = ended;
  if (chain !== null && chain.length > 0) plan.call(readSignature(chain.at(-1)), [result], { chain: chain.slice(0, -1) });
  return plan;
}

/** Errbacks, each called with the id of the task that failed, together as a group. */
export function afterFailure(ended: EndedTask, newId: () => string): FollowUp {
  if (ended.errbacks === null || ended.errbacks.length === 0) return NOTHING;
  const plan = new Plan({ ...ended, priority: undefined }, newId);
  plan.callTogether(ended.errbacks.map(readSignature), [ended.id]);
  return plan;
}

/** The ids of the later steps of a chain: a failure is stored for each of them, too, so that whoever waits for the last one hears of it. */
export function laterSteps(chain: readonly unknown[] | null): readonly string[] {
  return (chain ?? []).flatMap((step) => {
    const id = (step as { options?: { task_id?: unknown } } | null)?.options?.task_id;
    return typeof id === 'string' ? [id] : [];
  });
}

class Plan implements FollowUp {
  readonly sends: PlannedSend[] = [];
  readonly children: ResultTree[] = [];
  private readonly ended: EndedTask;
  private readonly newId: () => string;

  constructor(ended: EndedTask, newId: () => string) {
    this.ended = ended;
    this.newId = newId;
  }

  /** One signature of any kind; it becomes one child. */
  call(signature: Signature, args: readonly unknown[], more: ApplyAsyncOptions = {}): void {
    this.children.push(this.send(signature, args, more));
  }

  /** Several as members of a new group, which becomes one child. */
  callTogether(signatures: readonly Signature[], args: readonly unknown[]): void {
    if (signatures.length > 0) this.children.push(this.sendGroup(this.newId(), signatures, args, {}));
  }

  private send(signature: Signature, args: readonly unknown[], more: ApplyAsyncOptions): ResultTree {
    switch (signature.subtaskType) {
      case null:
        return this.sendTask(signature, args, more);
      case 'group': {
        refuseChainBehind(signature, more);
        const groupId = readOptions(signature.options).taskId ?? this.newId();
        return this.sendGroup(groupId, memberSignatures(signature), merged(signature, args), {});
      }
      case 'chain':
        return this.sendChain(signature, args, more);
      case 'chord':
        throw new ProtocolError('CTQ_PROTOCOL_REFUSED', 'a chord as callback or step of a chain cannot be sent by this worker yet');
      default:
        return signature.subtaskType satisfies never;
    }
  }

  /** The first step goes out, the others ride in it, in reverse. What was behind the chain comes after its last step. */
  private sendChain(signature: Signature, args: readonly unknown[], more: ApplyAsyncOptions): ResultTree {
    const steps = memberSignatures(signature);
    const [first] = steps;
    if (first === undefined) throw new ProtocolError('CTQ_PROTOCOL_MALFORMED', 'a chain without steps');
    const rest = (signature.kwargs['tasks'] as unknown[]).slice(1).reverse();
    return this.send(first, merged(signature, args), { ...more, chain: [...(more.chain ?? []), ...rest] });
  }

  private sendGroup(groupId: string, members: readonly Signature[], args: readonly unknown[], more: ApplyAsyncOptions): ResultTree {
    const trees = members.map((member, groupIndex) => this.send(member, args, { ...more, groupId, groupIndex }));
    return [[groupId, null], trees];
  }

  private sendTask(signature: Signature, args: readonly unknown[], more: ApplyAsyncOptions): ResultTree {
    const { ended } = this;
    const own = readOptions(signature.options);
    const taskId = own.taskId ?? this.newId();
    const options: ApplyAsyncOptions = {
      rootId: ended.rootId,
      parentId: ended.id,
      ...(ended.priority === undefined ? {} : { priority: ended.priority }),
      ...own,
      ...more,
      taskId,
      // The group that a member was built into stays its group, whatever it is called with (WIRE 8.2).
      ...(own.groupId === undefined ? {} : { groupId: own.groupId }),
      ...(own.groupIndex === undefined ? {} : { groupIndex: own.groupIndex }),
      kwargs: signature.kwargs,
    };
    this.sends.push({ task: signature.task, args: merged(signature, args), options });
    return [[taskId, null], null];
  }
}

/** New arguments come before the stored ones; an immutable signature takes none. */
function merged(signature: Signature, args: readonly unknown[]): readonly unknown[] {
  return signature.immutable ? signature.args : [...args, ...signature.args];
}

function refuseChainBehind(signature: Signature, more: ApplyAsyncOptions): void {
  if ((more.chain ?? []).length > 0) {
    throw new ProtocolError('CTQ_PROTOCOL_REFUSED', `${signature.task} with steps behind it is a chord, which this worker cannot send yet`);
  }
}
