/**
 * What a history of transactions says by itself, before any cycle: who wrote each value, which transactions committed,
 * what each read saw of others. Reads that are wrong whatever the order (of an aborted transaction, of a state in the
 * middle of one, of a value nobody wrote) are found here. After Elle (Kingsbury and Alvaro, VLDB 2020), §4 and §6.
 */
import { LockstepError } from '../kernel/errors.ts';
import { shownMax, simpleAnomaly, type Anomaly } from './anomalies.ts';
import type { TransactionHistory, TransactionStepDone, TransactionValue } from './transactions-history.ts';

export interface Write {
  readonly transaction: number;
  readonly key: string;
  readonly value: TransactionValue;
  /** Whether it is the transaction's last one to this key. */
  final: boolean;
}

/** What a transaction read of what others wrote: its own writes before the read are taken away. */
export interface Read {
  readonly transaction: number;
  /** A list's elements; a register's value as a list of one; nothing for a key without a value. */
  readonly values: readonly TransactionValue[];
  /** Whether the transaction writes the key after this read, and had not before. */
  leadsToWrite: boolean;
}

export interface KeyFacts {
  readonly name: string;
  readonly kind: 'list' | 'register';
  readonly writes: Map<TransactionValue, Write>;
  readonly reads: Read[];
}

export class Observations {
  readonly history: TransactionHistory;
  readonly keys: Map<string, KeyFacts> = new Map();
  readonly #anomalies = new Map<string, Anomaly[]>();
  #hiddenCount = 0;
  /** Per transaction: acknowledged, or unknown and seen by an acknowledged one. */
  readonly committed: Uint8Array;

  constructor(history: TransactionHistory) {
    this.history = history;
    this.committed = new Uint8Array(history.length);
    for (const [index, { outcome }] of history.entries()) this.committed[index] = outcome.kind === 'ok' ? 1 : 0;
    for (const index of history.keys()) this.#takeWrites(index);
    for (const [index, { outcome }] of history.entries()) {
      if (outcome.kind === 'ok') this.#takeReads(index, outcome.result);
    }
    for (const facts of this.keys.values()) this.#judgeReads(facts);
  }

  get anomalies(): readonly Anomaly[] {
    return [...this.#anomalies.values()].flat();
  }

  /** How many anomalies were found beyond those that are shown of one kind. */
  get hiddenCount(): number {
    return this.#hiddenCount;
  }

  report(anomaly: Anomaly): void {
    const kind = `${anomaly.kind} ${anomaly.level}`;
    const shown = this.#anomalies.get(kind);
    if (shown === undefined) this.#anomalies.set(kind, [anomaly]);
    else if (shown.length < shownMax) shown.push(anomaly);
    else this.#hiddenCount++;
  }

  outcomeOf(transaction: number): 'ok' | 'fail' | 'info' {
    return this.history[transaction]?.outcome.kind ?? 'fail';
  }

  #facts(key: string, kind: 'list' | 'register', transaction: number): KeyFacts {
    let facts = this.keys.get(key);
    if (facts === undefined) this.keys.set(key, (facts = { name: key, kind, writes: new Map(), reads: [] }));
    if (facts.kind !== kind) refuse('a key is used as a list and as a register', transaction, key);
    return facts;
  }

  #takeWrites(transaction: number): void {
    const operation = this.history[transaction];
    if (operation === undefined) return;
    const { call, outcome } = operation;
    const last = new Map<string, Write>();
    for (const step of outcome.kind === 'ok' ? outcome.result : call) {
      if (step.kind === 'read') continue;
      const { key, value } = step;
      const { writes } = this.#facts(key, step.kind === 'append' ? 'list' : 'register', transaction);
      const other = writes.get(value);
      if (other !== undefined && outcome.kind === 'fail') continue; // the other one says more about who reads it
      if (other !== undefined && this.outcomeOf(other.transaction) !== 'fail') {
        refuse('a value is written twice to one key, so a read of it does not say whose it is', transaction, key);
      }
      const write: Write = { transaction, key, value, final: true };
      const earlier = last.get(key);
      if (earlier !== undefined) earlier.final = false;
      last.set(key, write);
      writes.set(value, write);
    }
  }

  #takeReads(transaction: number, steps: readonly TransactionStepDone[]): void {
    const own = new Map<string, TransactionValue[]>();
    const earlier = new Map<string, Read[]>();
    for (const step of steps) {
      const { key } = step;
      const written = own.get(key);
      if (step.kind !== 'read') {
        if (written === undefined) own.set(key, [step.value]);
        else written.push(step.value);
        for (const read of earlier.get(key) ?? []) {
          if (written === undefined) read.leadsToWrite = true;
          this.#refuseFuture(read, key, step.value);
        }
        continue;
      }
      if (step.value === null && !this.keys.has(key)) continue; // nobody writes it: it may be of either kind
      const kind = this.keys.get(key)?.kind ?? (Array.isArray(step.value) ? 'list' : 'register');
      const isList = Array.isArray(step.value);
      if (step.value !== null && isList !== (kind === 'list')) {
        refuse(`a read of a ${kind} answers ${isList ? 'a list' : 'one value'}`, transaction, key);
      }
      const facts = this.#facts(key, kind, transaction);
      const values = isList ? (step.value as readonly TransactionValue[]) : valuesOf(step.value);
      const others = written === undefined ? values : this.#withoutOwn(transaction, facts, values, written);
      if (others === null) continue;
      for (const value of written ?? []) this.#refuseFuture({ transaction, values: others }, key, value);
      const read: Read = { transaction, values: others, leadsToWrite: false };
      facts.reads.push(read);
      const before = earlier.get(key);
      if (before === undefined) earlier.set(key, [read]);
      else before.push(read);
    }
  }

  #refuseFuture(
    { transaction, values }: Pick<Read, 'transaction' | 'values'>,
    key: string,
    own: TransactionValue,
  ): void {
    if (!values.includes(own)) return;
    const text = `T${transaction} read ${own} from ${key} before it wrote it itself`;
    this.report(simpleAnomaly('internal', 'read-uncommitted', [transaction], key, { text }));
  }

  /** What a read saw before the transaction's own writes; null where these say all, or are not what was read. */
  #withoutOwn(
    transaction: number,
    { name, kind }: KeyFacts,
    values: readonly TransactionValue[],
    own: readonly TransactionValue[],
  ): readonly TransactionValue[] | null {
    const expected = kind === 'list' ? own : own.slice(-1);
    const end = values.slice(values.length - expected.length);
    if (values.length < expected.length || end.some((value, index) => value !== expected[index])) {
      const read = kind === 'list' ? `[${values.join(', ')}]` : String(values[0] ?? 'nothing');
      this.report(
        simpleAnomaly('internal', 'read-uncommitted', [transaction], name, {
          text: `T${transaction} read ${read} from ${name} after it had itself written ${own.join(', ')}`,
        }),
      );
      return null;
    }
    return kind === 'list' ? values.slice(0, values.length - own.length) : null;
  }

  /** Each wrong value is reported once, with the first transaction that read it. */
  #judgeReads(facts: KeyFacts): void {
    const reported = new Set<TransactionValue>();
    let longest: readonly TransactionValue[] = [];
    for (const read of facts.reads) {
      if (!(facts.kind === 'list' && startsWith(longest, read.values))) {
        this.#judgeValues(facts, read, reported);
        if (read.values.length > longest.length) longest = read.values;
      }
      this.#judgeLast(facts, read, reported);
    }
  }

  #judgeValues({ name, writes }: KeyFacts, { transaction, values }: Read, reported: Set<TransactionValue>): void {
    const seen = new Set<TransactionValue>();
    for (const value of values) {
      const write = writes.get(value);
      const report = (kind: 'unwritten' | 'G1a' | 'duplicate', text: string): void => {
        if (reported.has(value)) return;
        reported.add(value);
        const others = write === undefined || write.transaction === transaction ? [] : [write.transaction];
        const level = kind === 'G1a' ? 'read-committed' : 'read-uncommitted';
        this.report(simpleAnomaly(kind, level, [...others, transaction], name, { text }));
      };
      if (seen.has(value)) report('duplicate', `T${transaction} read ${name} with ${value} in it twice`);
      seen.add(value);
      if (write === undefined) {
        report('unwritten', `T${transaction} read ${value} from ${name}, which nobody wrote`);
      } else if (this.outcomeOf(write.transaction) === 'fail') {
        report('G1a', `T${transaction} read ${value} from ${name}, which T${write.transaction} wrote and took back`);
      } else this.committed[write.transaction] = 1;
    }
  }

  #judgeLast({ name, writes }: KeyFacts, { transaction, values }: Read, reported: Set<TransactionValue>): void {
    const value = values.at(-1);
    if (value === undefined || reported.has(value)) return;
    const write = writes.get(value);
    if (write === undefined || write.final || write.transaction === transaction) return;
    reported.add(value);
    this.report(
      simpleAnomaly('G1b', 'read-committed', [write.transaction, transaction], name, {
        text: `T${transaction} read ${name} as of ${value}, in the middle of T${write.transaction}, which wrote it again`,
      }),
    );
  }
}

function valuesOf(value: TransactionStepDone['value']): readonly TransactionValue[] {
  return value === null || Array.isArray(value) ? [] : [value as TransactionValue];
}

/** Whether `list` begins with all of `beginning`. */
export function startsWith(list: readonly TransactionValue[], beginning: readonly TransactionValue[]): boolean {
  if (beginning.length > list.length) return false;
  for (let index = 0; index < beginning.length; index++) if (list[index] !== beginning[index]) return false;
  return true;
}

function refuse(what: string, transaction: number, key: string): never {
  throw new LockstepError('invalid', what, { values: { operation: transaction, key } });
}
