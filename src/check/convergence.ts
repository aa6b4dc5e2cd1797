/**
 * Convergence: once the network is whole and nobody writes any more, all replicas hold the same, and nothing that was
 * acknowledged is missing. Final states are compared key by key; what a value is compared by is its text.
 */
import { validateHistory, type History } from './history.ts';

/** What one replica holds in the end. Values are compared as text: print what must be equal, in one canonical form. */
export interface ReplicaState {
  readonly replica: string;
  readonly values: ReadonlyMap<string, string>;
}

/** Who is to be named beside a difference: the writes in the order in which they were acknowledged. */
export interface WriteRecord {
  readonly key: string;
  readonly value: string;
  /** The operation, the process, or the replica that wrote it. */
  readonly by: string;
}

export interface Divergence {
  readonly key: string;
  /** Each value with the replicas that hold it; null for those that have no such key. */
  readonly held: readonly {
    readonly value: string | null;
    readonly replicas: readonly string[];
    readonly writtenBy: string | null;
  }[];
  readonly text: string;
}

export interface ConvergenceVerdict {
  readonly kind: 'ok' | 'violation';
  /** In the order of their keys. */
  readonly divergences: readonly Divergence[];
  readonly text: string;
}

/** Compares the final states of replicas. `writes` only name the last writer of each value that differs. */
export function checkConvergence(
  replicas: readonly ReplicaState[],
  writes: readonly WriteRecord[] = [],
): ConvergenceVerdict {
  const keys = new Set(replicas.flatMap(({ values }) => [...values.keys()]));
  const divergences: Divergence[] = [];
  for (const key of [...keys].sort()) {
    const holders = new Map<string | null, string[]>();
    for (const { replica, values } of replicas) {
      const value = values.get(key) ?? null;
      const others = holders.get(value);
      if (others === undefined) holders.set(value, [replica]);
      else others.push(replica);
    }
    if (holders.size < 2) continue;
    const held = [...holders].map(([value, names]) => {
      const writtenBy = writes.findLast((write) => write.key === key && write.value === value)?.by ?? null;
      return { value, replicas: names, writtenBy };
    });
    const parts = held.map(({ value, replicas: names, writtenBy }) => {
      const what = value === null ? 'nothing' : value;
      return `${names.join(', ')} ${names.length === 1 ? 'holds' : 'hold'} ${what}${writtenBy === null ? '' : ` (last written by ${writtenBy})`}`;
    });
    divergences.push({ key, held, text: `${key}: ${parts.join('; ')}` });
  }
  const kind = divergences.length > 0 ? 'violation' : 'ok';
  const heading = `${kind}: ${replicas.length} replicas, ${keys.size} keys, ${divergences.length} differ`;
  return { kind, divergences, text: [heading, ...divergences.map(({ text }) => `  ${text}`)].join('\n') };
}

/** An add of an element to a set. */
export interface AddCall {
  readonly kind: 'add';
  readonly element: string;
}

export interface AddsVerdict {
  readonly kind: 'ok' | 'violation';
  /** Acknowledged and in no place of the final set: operations by their index. */
  readonly lost: readonly number[];
  /** In the final set, and nobody tried to add them, or only adds that were refused. */
  readonly unexpected: readonly string[];
  /** Unknown adds that took effect; allowed. */
  readonly recovered: readonly number[];
  readonly text: string;
}

/**
 * Whether all acknowledged adds are there in the end, and nothing that nobody added. Adds of which the outcome is
 * unknown may be there or not. `elements` is what was read after everything had settled.
 * @throws LockstepError `invalid` for a history out of order.
 */
export function checkAdds(history: History<AddCall>, elements: ReadonlySet<string>): AddsVerdict {
  validateHistory(history);
  const lost: number[] = [];
  const recovered: number[] = [];
  const explained = new Set<string>();
  for (const [index, { call, outcome }] of history.entries()) {
    if (outcome.kind === 'fail') continue;
    explained.add(call.element);
    if (outcome.kind === 'ok' && !elements.has(call.element)) lost.push(index);
    if (outcome.kind === 'info' && elements.has(call.element)) recovered.push(index);
  }
  const unexpected = [...elements].filter((element) => !explained.has(element)).sort();
  const kind = lost.length > 0 || unexpected.length > 0 ? 'violation' : 'ok';
  const text = [
    `${kind}: ${history.length} adds, ${elements.size} elements, ${lost.length} lost, ${unexpected.length} unexpected, ${recovered.length} unknown that took effect`,
    ...lost.map((index) => `  lost: ${history[index]?.call.element} (operation ${index}, ${history[index]?.process})`),
    ...unexpected.map((element) => `  unexpected: ${element}`),
  ].join('\n');
  return { kind, lost, unexpected, recovered, text };
}
