/** What a node does for clients: each command a transaction of its place, which also notes that it ran. */
import type { TransactionStep } from 'lockstep/check';
import {
  cancelTimer,
  claimLease,
  giveUpLease,
  releaseLease,
  renewLease,
  requireLease,
  setTimer,
  type MessageHandler,
  type Partitions,
  type PlacedLease,
  type Rejection,
  type TimerHandler,
  type Transaction,
} from 'lockstep/partition';
import { hybridWall } from '../../../src/clock/timestamp.ts';
import type { Plain } from '../../../src/sim/cluster/calls.ts';
import { accountCount, endowment, type KeyChange, type KeySeen, type StepsDone, type Work } from './requests.ts';

/** What cannot be, seen in a transaction: whoever watches this process reads it. */
export const broken = (what: string): void => void process.stderr.write(`broken: ${what}\n`);

const rejection = (code: string): Rejection<string, null> => ({ kind: 'rejected', code, details: null });
const numberAt = (tx: Transaction, ...key: readonly (string | number)[]): number | null =>
  (tx.get(key) as number | undefined) ?? null;

/** Counts that it ran, looks that time grows, and works. */
export function runCommand(partitions: Partitions, tx: Transaction, id: string, work: Work): Plain | Rejection {
  const ran = (tx.local.get(['ran', id]) as number | undefined) ?? 0;
  if (ran > 0) broken(`the command ${id} is run again`);
  tx.local.set(['ran', id], ran + 1);
  const last = tx.local.get(['now']);
  if (typeof last === 'number' && last >= tx.now) broken(`after ${last} the partition's time is ${tx.now}`);
  tx.local.set(['now'], tx.now);
  return doneOf(partitions, tx, work);
}

function doneOf(partitions: Partitions, tx: Transaction, work: Work): Plain | Rejection {
  switch (work.kind) {
    case 'change':
      return changed(tx, work.change);
    case 'steps':
      return stepsDone(tx, work.steps);
    case 'endow':
      if (tx.get(['account', 0]) !== undefined) return null;
      for (let account = 0; account < accountCount; account++) tx.set(['account', account], endowment);
      return null;
    case 'transfer':
      return transferred(tx, work);
    case 'claim':
      return { ...claimLease(tx, work.claim) } as unknown as Plain;
    case 'renew':
      return { ...renewLease(tx, work.lease) };
    case 'release':
      return { kind: releaseLease(tx, work.lease) };
    case 'give-up':
      return { kind: giveUpLease(tx, { name: work.name, id: work.claimId }) };
    case 'guarded':
      return guarded(tx, work.lease);
    case 'set-timer': {
      const { due } = setTimer(tx, { kind: 'note', name: work.name, after: `${work.afterMs}ms` });
      tx.set(['due', work.name], due.getTime());
      return null;
    }
    case 'cancel-timer':
      return cancelTimer(tx, { kind: 'note', name: work.name });
    case 'send':
      return sent(partitions, tx, work);
  }
}

/** All that it writes fits together, so what is read must. */
function changed(tx: Transaction, change: KeyChange): KeySeen & { readonly [name: string]: Plain } {
  const { value, version } = keySeen(tx.place ?? '', (key) => tx.get([key]));
  const sets = change.kind === 'put' || change.from === value;
  const next = change.kind === 'put' ? change.value : change.to;
  if (!sets) return { value, version, set: false };
  tx.set(['value'], next);
  tx.set(['mirror'], next);
  tx.set(['version'], version + 1);
  return { value: next, version: version + 1, set: true };
}

export function keySeen(place: string, get: (key: string) => unknown): KeySeen {
  const [value = null, mirror = null] = [get('value'), get('mirror')];
  if (value !== mirror) broken(`${place} shows ${String(value)}, and ${String(mirror)} beside it`);
  return { value: value as number | null, version: (get('version') as number | undefined) ?? 0 };
}

/** Lists that are appended to: what each transaction read says what it came after. */
function stepsDone(tx: Transaction, steps: readonly TransactionStep[]): StepsDone {
  return steps.map((step) => {
    const list = (tx.get(['list', step.key]) as readonly number[] | undefined) ?? null;
    if (step.kind === 'read') return { ...step, value: list };
    tx.set(['list', step.key], [...(list ?? []), step.value]);
    return step;
  });
}

function transferred(
  tx: Transaction,
  { from, to, amount }: Extract<Work, { readonly kind: 'transfer' }>,
): Plain | Rejection {
  const left = (numberAt(tx, 'account', from) ?? 0) - amount;
  // The writes come first, so that a rejection has something to drop.
  tx.set(['account', from], left);
  tx.set(['account', to], (numberAt(tx, 'account', to) ?? 0) + amount);
  return left < 0 ? rejection('no-funds') : left;
}

/** What is written under a lease is written in the order of tokens. */
function guarded(tx: Transaction, lease: PlacedLease): Plain | Rejection {
  const fenced = requireLease(tx, lease);
  if (fenced !== null) return rejection('fenced');
  const last = numberAt(tx, 'written', lease.name) ?? 0;
  if (lease.token < last) broken(`${lease.name} is written with token ${lease.token} after ${last}`);
  tx.set(['written', lease.name], lease.token);
  return null;
}

/** The messages of a pair of partitions have numbers of their own here, apart from those of the channel. */
function sent(partitions: Partitions, tx: Transaction, { to, name }: Extract<Work, { readonly kind: 'send' }>): Plain {
  const target = partitions.indexOf(to);
  const number = ((tx.local.get(['sent-count', target]) as number | undefined) ?? 0) + 1;
  tx.local.set(['sent-count', target], number);
  tx.local.set(['sent', target, number], name);
  tx.send(to, { source: partitions.indexOf(tx.place ?? ''), number, name });
  return number;
}

interface SentMessage {
  readonly source: number;
  readonly number: number;
  readonly name: string;
}

export const takeMessage: MessageHandler = (tx, { message }) => {
  const { source, number, name } = message as unknown as SentMessage;
  const last = (tx.local.get(['got-count', source]) as number | undefined) ?? 0;
  if (number !== last + 1) broken(`message ${number} of partition ${source} takes effect after ${last}`);
  tx.local.set(['got-count', source], number);
  tx.local.set(['got', source, number], name);
};

export const fireNote: TimerHandler = (tx, { name }) => {
  const fired = (tx.local.get(['fired', name]) as number | undefined) ?? 0;
  if (fired > 0) broken(`timer ${name} fires again`);
  const due = numberAt(tx, 'due', name);
  const nowMs = hybridWall(tx.now);
  if (due === null || nowMs < due) broken(`timer ${name} was set for ${due}, and fires at ${nowMs}`);
  tx.local.set(['fired', name], fired + 1);
};
