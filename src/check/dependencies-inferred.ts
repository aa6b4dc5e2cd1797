/**
 * From observations to dependencies. Lists: the longest read is the order of versions, as far as it goes; what was
 * committed and never read comes after it, in an order that nobody knows. Registers: the initial state comes first, and
 * what a transaction read of a key comes before what it then wrote to it; nothing else is known of their order, so
 * writes without a read before them (blind ones) stay unordered among themselves.
 */
import { simpleAnomaly } from './anomalies.ts';
import { DependencyBuilder, type Source, type Target } from './dependencies.ts';
import { startsWith, type KeyFacts, type Observations, type Read, type Write } from './transactions-observed.ts';
import type { TransactionValue } from './transactions-history.ts';

export interface Inference {
  readonly builder: DependencyBuilder;
  /** Keys of registers whose versions have more than one possible order. */
  readonly unorderedRegisters: readonly string[];
  /** Committed writers of lists that no read orders: key, transactions. Only where there are two or more. */
  readonly unorderedWriters: readonly (readonly [string, readonly number[]])[];
}

export function inferDependencies(observed: Observations, order: 'none' | 'process' | 'real-time'): Inference {
  const builder = new DependencyBuilder(observed.history.length);
  const unorderedRegisters: string[] = [];
  const unorderedWriters: (readonly [string, readonly number[]])[] = [];
  for (const facts of observed.keys.values()) {
    if (facts.kind === 'list') {
      const targets = inferList(observed, facts, builder);
      if (targets.length > 1) unorderedWriters.push([facts.name, targets.map(({ node }) => node)]);
    } else if (!inferRegister(observed, facts, builder)) unorderedRegisters.push(facts.name);
  }
  if (order !== 'none') addProcesses(observed, builder);
  if (order === 'real-time') addRealTime(observed, builder);
  return { builder, unorderedRegisters, unorderedWriters };
}

function committedWrites({ committed }: Observations, facts: KeyFacts): readonly Write[] {
  return [...facts.writes.values()].filter(({ transaction }) => committed[transaction] === 1);
}

function inferList(observed: Observations, facts: KeyFacts, builder: DependencyBuilder): readonly Target[] {
  const { name, reads, writes } = facts;
  const longest = reads.reduce<readonly TransactionValue[]>(
    (best, { values }) => (values.length > best.length ? values : best),
    [],
  );
  const versions: Write[] = [];
  const versionsBefore: number[] = []; // how many committed versions a read of that length holds
  for (const value of longest) {
    versionsBefore.push(versions.length);
    const write = writes.get(value);
    if (write !== undefined && observed.committed[write.transaction] === 1) versions.push(write);
  }
  versionsBefore.push(versions.length);
  reportDirtyUpdate(observed, facts, longest);
  const known = new Set(versions);
  const targets = new Map<number, Target>();
  for (const write of committedWrites(observed, facts)) {
    if (!known.has(write)) targets.set(write.transaction, { node: write.transaction, after: write.value });
  }
  const sources: Source[] = [];
  const end = versions.at(-1);
  if (end !== undefined) sources.push({ node: end.transaction, kind: 'ww', before: end.value });
  for (const [index, { transaction, value }] of versions.entries()) {
    const next = versions[index + 1];
    if (next !== undefined) builder.add(transaction, next.transaction, 'ww', name, value, next.value);
  }
  const leading = new Map<number, Read>();
  for (const read of reads) {
    if (!startsWith(longest, read.values)) {
      reportIncompatible(observed, facts, read, longest);
      continue;
    }
    const count = versionsBefore[read.values.length] ?? 0;
    reportLostUpdate(observed, name, leading, count, read);
    const last = versions[count - 1];
    if (last !== undefined) builder.add(last.transaction, read.transaction, 'wr', name, last.value);
    let next = count;
    // A read in the middle of a transaction is G1b; what follows for the order is what comes after that transaction.
    while (last !== undefined && versions[next]?.transaction === last.transaction) next++;
    const after = versions[next];
    const before = read.values.at(-1) ?? null;
    if (after !== undefined) builder.add(read.transaction, after.transaction, 'rw', name, before, after.value);
    else sources.push({ node: read.transaction, kind: 'rw', before });
  }
  builder.fanOut(name, sources, [...targets.values()]);
  return [...targets.values()];
}

/** @returns whether the order of the key's versions is known: one chain from the initial state. */
function inferRegister(observed: Observations, facts: KeyFacts, builder: DependencyBuilder): boolean {
  const { name, reads, writes } = facts;
  const successors = new Map<TransactionValue | null, Map<number, Target>>();
  const readers = new Map<TransactionValue | null, Source[]>();
  const finals = new Map<number, Target>();
  for (const { transaction, value, final } of committedWrites(observed, facts)) {
    if (final) finals.set(transaction, { node: transaction, after: value });
  }
  const leading = new Map<TransactionValue | null, Read>();
  for (const read of reads) {
    const { transaction, leadsToWrite } = read;
    const value = read.values[0] ?? null;
    const writer = value === null ? undefined : writes.get(value);
    if (value !== null && (writer === undefined || observed.committed[writer.transaction] === 0)) continue;
    // All values of one writer are one version: the others are in the middle of it.
    const version = writer === undefined ? null : (finals.get(writer.transaction)?.after ?? value);
    reportLostUpdate(observed, name, leading, version, read);
    if (writer !== undefined) builder.add(writer.transaction, transaction, 'wr', name, value);
    const sources = readers.get(version) ?? [];
    sources.push({ node: transaction, kind: 'rw', before: value });
    readers.set(version, sources);
    const target = finals.get(transaction);
    if (!leadsToWrite || target === undefined) continue;
    const after = successors.get(version) ?? new Map<number, Target>();
    after.set(transaction, target);
    successors.set(version, after);
  }
  for (const [version, sources] of readers) {
    const targets = version === null ? finals : successors.get(version);
    if (targets !== undefined) builder.fanOut(name, sources, [...targets.values()]);
  }
  return finals.size < 2 || isChain(successors, finals.size);
}

function isChain(
  successors: ReadonlyMap<TransactionValue | null, ReadonlyMap<number, Target>>,
  count: number,
): boolean {
  let version: TransactionValue | null = null;
  for (let index = 0; index < count; index++) {
    const next: readonly Target[] = [...(successors.get(version)?.values() ?? [])];
    if (next.length !== 1) return false;
    version = next[0]?.after ?? null;
    if (version === null) return false;
  }
  return true;
}

/** Two transactions that read one version of a key and then wrote it: each would have to come before the other. */
function reportLostUpdate<Version>(
  observed: Observations,
  key: string,
  leading: Map<Version, Read>,
  version: Version,
  read: Read,
): void {
  if (!read.leadsToWrite) return;
  const other = leading.get(version);
  if (other === undefined) leading.set(version, read);
  if (other === undefined || other.transaction === read.transaction) return;
  const [first, second] = [other.transaction, read.transaction];
  const value = read.values.at(-1) ?? 'without a value';
  const text = `T${first} and T${second} both read ${key} (${value}), and both wrote it`;
  observed.report(simpleAnomaly('lost-update', 'snapshot-isolation', [first, second], key, { text }));
}

function reportDirtyUpdate(observed: Observations, facts: KeyFacts, longest: readonly TransactionValue[]): void {
  let aborted: Write | null = null;
  for (const value of longest) {
    const write = facts.writes.get(value);
    if (write === undefined) continue;
    const { transaction } = write;
    if (observed.outcomeOf(transaction) === 'fail') aborted ??= write;
    else if (aborted !== null) {
      const text = `T${transaction} appended ${value} to ${facts.name} after ${aborted.value}, which T${aborted.transaction} had taken back`;
      const both = [aborted.transaction, transaction];
      observed.report(simpleAnomaly('dirty-update', 'read-committed', both, facts.name, { text }));
      return;
    }
  }
}

function reportIncompatible(
  observed: Observations,
  { name, writes, reads }: KeyFacts,
  read: Read,
  longest: readonly TransactionValue[],
): void {
  const other = reads.find(({ values }) => values === longest)?.transaction ?? read.transaction;
  const isAborted = (value: TransactionValue): boolean => {
    const write = writes.get(value);
    return write !== undefined && observed.outcomeOf(write.transaction) === 'fail';
  };
  const level = [...read.values, ...longest].some(isAborted) ? 'read-committed' : 'read-uncommitted';
  const at = read.values.findIndex((value, index) => value !== longest[index]);
  const text = `T${read.transaction} read ${read.values[at]} at place ${at} of ${name}, T${other} read ${longest[at]} there`;
  const both = [other, read.transaction];
  observed.report(simpleAnomaly('incompatible-order', level, both, name, { text }));
}

/** A process runs one transaction after the other; one whose outcome is unknown may take effect later than the next. */
function addProcesses({ history, committed }: Observations, builder: DependencyBuilder): void {
  const last = new Map<string, number>();
  for (const [index, { process, outcome }] of history.entries()) {
    if (committed[index] === 0) continue;
    const before = last.get(process);
    if (before !== undefined) builder.add(before, index, 'process');
    if (outcome.kind === 'ok') last.set(process, index);
  }
}

/** A chain of junctions, one for each group of completions that no invocation separates. */
function addRealTime({ history, committed }: Observations, builder: DependencyBuilder): void {
  const completions = [...history.entries()]
    .filter(([, { outcome }]) => outcome.kind === 'ok')
    .map(([index, { outcome }]) => ({ index, at: outcome.at ?? Number.POSITIVE_INFINITY }))
    .sort((left, right) => left.at - right.at);
  let place = 0;
  let present: number | null = null;
  for (const [index, { invokedAt }] of history.entries()) {
    if (committed[index] === 0) continue;
    let next: number | null = null;
    for (; (completions[place]?.at ?? Number.POSITIVE_INFINITY) < invokedAt; place++) {
      if (next === null) {
        next = builder.junction();
        if (present !== null) builder.add(present, next, 'via');
      }
      builder.add(completions[place]?.index ?? 0, next, 'real-time');
    }
    present = next ?? present;
    if (present !== null) builder.add(present, index, 'via');
  }
}
