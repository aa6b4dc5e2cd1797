/**
 * What transactions of the isolation scenario do, as steps on lists and registers that a checker knows, and how these lie
 * in a tree: lists as one value, or as a row for each element, so that an append writes a key that was absent and a read
 * is a range; registers as rows of a group, which is read as a range and cleared as one. A cleared row is absent, and
 * the group's mark says by whom.
 */
import type { TransactionStep, TransactionStepDone } from 'lockstep/check';
import type { World } from 'lockstep/sim';
import type { ScanOptions } from '../../../src/storage/scan.ts';
import { decoded, encoded } from './tree-model.ts';

export type Step =
  | { readonly kind: 'append'; readonly list: string; readonly value: number }
  | { readonly kind: 'read'; readonly list: string }
  | { readonly kind: 'get'; readonly group: string; readonly row: number }
  /** The group's rows in this direction, all or up to the first that is there. */
  | { readonly kind: 'range'; readonly group: string; readonly reverse: boolean; readonly first: boolean }
  | { readonly kind: 'put'; readonly group: string; readonly row: number; readonly value: number }
  | { readonly kind: 'clear'; readonly group: string; readonly value: number }
  /** Of money, which is nobody's register: only the total counts. */
  | { readonly kind: 'transfer'; readonly from: number; readonly to: number; readonly amount: number }
  | { readonly kind: 'audit' };

/** What reads a tree at one moment. */
export interface Reader {
  get(key: Uint8Array): Uint8Array | undefined;
  range(options: ScanOptions): Iterable<readonly [Uint8Array, Uint8Array]>;
}

export interface Writer extends Reader {
  put(key: Uint8Array, value: Uint8Array): void;
  delete(key: Uint8Array): void;
  deleteRange(start: Uint8Array, end: Uint8Array): void;
}

const valueLists = ['a', 'b'];
const rowLists = ['r', 's'];
export const lists: readonly string[] = [...valueLists, ...rowLists];
const groups = ['g', 'h'];
const rowCount = 4;
const accountCount = 4;
const startBalance = 10;
export const bankTotal: number = accountCount * startBalance;

const account = (number: number): Uint8Array => encoded(`bank/${number}`);
const listKey = (list: string): Uint8Array => encoded(`list/${list}`);
const elementKey = (list: string, place: number): Uint8Array =>
  encoded(`rows/${list}/${String(place).padStart(4, '0')}`);
const elements = (list: string): ScanOptions => ({ prefix: encoded(`rows/${list}/`) });
const rowKey = (group: string, row: number): Uint8Array => encoded(`group/${group}/${row}`);
const markKey = (group: string): Uint8Array => encoded(`mark/${group}`);
const registerOf = (group: string, row: number): string => `${group}${row}`;
const rows: readonly number[] = Array.from({ length: rowCount }, (_, row) => row);

/** Steps of one transaction; each value is new. */
export function randomSteps({ random }: World, newValue: () => number): readonly Step[] {
  const steps: Step[] = [];
  for (let count = 1 + random.below(4); count > 0; count--) {
    const group = random.pick(groups);
    const kind = random.below(100);
    if (kind < 12) steps.push({ kind: 'append', list: random.pick(lists), value: newValue() });
    else if (kind < 27) steps.push({ kind: 'read', list: random.pick(lists) });
    else if (kind < 45) steps.push({ kind: 'get', group, row: random.below(rowCount) });
    else if (kind < 60) steps.push({ kind: 'range', group, reverse: random.chance(0.3), first: random.chance(0.4) });
    else if (kind < 80) steps.push({ kind: 'put', group, row: random.below(rowCount), value: newValue() });
    else if (kind < 87) steps.push({ kind: 'clear', group, value: newValue() });
    else if (kind < 95) steps.push(transfer(random.below(accountCount), random.below(accountCount), random.below(6)));
    else steps.push({ kind: 'audit' });
  }
  return steps;
}

const transfer = (from: number, to: number, amount: number): Step => ({ kind: 'transfer', from, to, amount });

/** Reads everything that has a place in the history. */
export const allReads: readonly Step[] = [
  ...lists.map((list): Step => ({ kind: 'read', list })),
  ...groups.map((group): Step => ({ kind: 'range', group, reverse: false, first: false })),
  { kind: 'audit' },
];

/** What they ask for, as the history has it. */
export function callOf(steps: readonly Step[]): readonly TransactionStep[] {
  return steps.flatMap((step): readonly TransactionStep[] => {
    const read = (key: string): TransactionStep => ({ kind: 'read', key });
    const write = (key: string, value: number): TransactionStep => ({ kind: 'write', key, value });
    switch (step.kind) {
      case 'append':
        return [{ kind: 'append', key: step.list, value: step.value }];
      case 'read':
        return [read(step.list)];
      case 'get':
        return [read(registerOf(step.group, step.row))];
      case 'range':
        return rows.map((row) => read(registerOf(step.group, row)));
      case 'put': {
        const key = registerOf(step.group, step.row);
        return [read(key), write(key, step.value)];
      }
      case 'clear':
        return rows.map((row) => registerOf(step.group, row)).flatMap((key) => [read(key), write(key, step.value)]);
      case 'transfer':
      case 'audit':
        return [];
    }
  });
}

/** Opens the bank, once. */
export function openBank(tx: Writer): void {
  if (tx.get(encoded('bank')) !== undefined) return;
  tx.put(encoded('bank'), encoded('open'));
  for (let number = 0; number < accountCount; number++) tx.put(account(number), encoded(String(startBalance)));
}

/** All that the accounts hold. */
export function totalOf(reader: Pick<Reader, 'range'>): number {
  let total = 0;
  for (const [, value] of reader.range({ prefix: encoded('bank/') })) total += Number(decoded(value));
  return total;
}

/** Where `carryOut` can pause. */
export type Pauses = Generator<undefined, readonly TransactionStepDone[]>;

/** Carries the steps out, with a pause wherever one may be; what was read and written as the history has it. */
export function* carryOut(tx: Writer, steps: readonly Step[], onTotal: (total: number) => void): Pauses {
  const done: TransactionStepDone[] = [];
  for (const step of steps) {
    yield;
    if (step.kind === 'append') {
      yield* append(tx, step.list, step.value);
      done.push({ kind: 'append', key: step.list, value: step.value });
    } else if (step.kind === 'transfer') yield* transferred(tx, step);
    else if (step.kind === 'audit') onTotal(totalOf(tx));
    else if (step.kind === 'put' || step.kind === 'clear') yield* written(tx, step, done);
    else yield* readStep(tx, step, done);
  }
  return done;
}

type StepOf<Kind extends Step['kind']> = Extract<Step, { readonly kind: Kind }>;

function* append(tx: Writer, list: string, value: number): Generator<undefined, void> {
  if (valueLists.includes(list)) {
    const key = listKey(list);
    const found = tx.get(key);
    yield;
    tx.put(key, encoded(found === undefined ? `${value}` : `${decoded(found)} ${value}`));
    return;
  }
  const [last] = [...tx.range({ ...elements(list), reverse: true, limit: 1 })];
  const place = last === undefined ? 0 : Number(decoded(last[0]).slice(-4)) + 1;
  yield;
  tx.put(elementKey(list, place), encoded(`${value}`));
}

function* written(tx: Writer, step: StepOf<'put' | 'clear'>, done: TransactionStepDone[]): Generator<undefined, void> {
  const { group, value } = step;
  if (step.kind === 'put') {
    const key = registerOf(group, step.row);
    done.push({ kind: 'read', key, value: rowValue(tx, group, step.row) });
    yield;
    tx.put(rowKey(group, step.row), encoded(`${value}`));
    done.push({ kind: 'write', key, value });
    return;
  }
  yield* readStep(tx, { kind: 'range', group, reverse: false, first: false }, done);
  yield;
  tx.deleteRange(rowKey(group, 0), rowKey(group, rowCount));
  tx.put(markKey(group), encoded(`${value}`));
  for (const row of rows) done.push({ kind: 'write', key: registerOf(group, row), value });
}

function rowValue(tx: Reader, group: string, row: number): number | null {
  const found = tx.get(rowKey(group, row)) ?? tx.get(markKey(group));
  return found === undefined ? null : Number(decoded(found));
}

function* readStep(
  tx: Reader,
  step: StepOf<'read' | 'get' | 'range'>,
  done: TransactionStepDone[],
): Generator<undefined, void> {
  if (step.kind === 'read') done.push({ kind: 'read', key: step.list, value: yield* readList(tx, step.list) });
  else if (step.kind === 'get')
    done.push({ kind: 'read', key: registerOf(step.group, step.row), value: rowValue(tx, step.group, step.row) });
  else yield* readGroup(tx, step, done);
}

function* readList(tx: Reader, list: string): Generator<undefined, readonly number[]> {
  if (valueLists.includes(list)) {
    const found = tx.get(listKey(list));
    return found === undefined ? [] : decoded(found).split(' ').map(Number);
  }
  const values: number[] = [];
  for (const [, value] of tx.range(elements(list))) {
    values.push(Number(decoded(value)));
    if (values.length % 4 === 0) yield; // in the middle of a walk
  }
  return values;
}

function* readGroup(
  tx: Reader,
  { group, reverse, first }: StepOf<'range'>,
  done: TransactionStepDone[],
): Generator<undefined, void> {
  const found = new Map<number, number>();
  const bounds = { from: rowKey(group, 0), to: rowKey(group, rowCount), reverse };
  const mark = tx.get(markKey(group));
  for (const [key, value] of tx.range(first ? { ...bounds, limit: 1 } : bounds)) {
    found.set(Number(decoded(key).slice(-1)), Number(decoded(value)));
    yield;
  }
  const absent = mark === undefined ? null : Number(decoded(mark));
  for (const row of reverse ? rows.toReversed() : rows) {
    const value = found.get(row);
    done.push({ kind: 'read', key: registerOf(group, row), value: value ?? absent });
    if (first && value !== undefined) return; // what lies behind it was not looked at
  }
}

/** An account without money has no row. */
function* transferred(tx: Writer, { from, to, amount }: StepOf<'transfer'>): Generator<undefined, void> {
  const balances = [from, to].map((number) => Number(decoded(tx.get(account(number)) ?? encoded('0'))));
  yield;
  const [source = 0, target = 0] = balances;
  if (from === to || source < amount) return;
  if (source === amount) tx.delete(account(from));
  else tx.put(account(from), encoded(`${source - amount}`));
  yield;
  tx.put(account(to), encoded(`${target + amount}`));
}
