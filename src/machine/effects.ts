/**
 * What a decision asks for besides its events, made part of its transaction: messages leave by the channels of the
 * partition, later ones by a durable timer, a fence is checked against the lease that it is of.
 */
import type { StoredValue } from '../bytes/value-format.ts';
import { hybridDate } from '../clock/timestamp.ts';
import { LockstepError } from '../kernel/errors.ts';
import { requireLease } from '../partition/lease/lease.ts';
import { lastToken, leaseKey, leasesOf, type FencingToken } from '../partition/lease/lease-state.ts';
import { setTimer } from '../partition/timer/timer.ts';
import type { Rejection, Transaction } from '../partition/transaction.ts';
import { placeOf } from '../ring/slot.ts';
import type { Effect, Fence } from './definition.ts';
import type { Origin } from './event-row.ts';
import { overtakenBy, type Overtaken } from './tags.ts';

/** The timers' kind of what is sent later. */
export const sendTimer = 'machine-send';

/** A command on its way to another instance, as it is stored. */
export interface CommandMessage {
  readonly machine: string;
  readonly command: string;
  /** As it was sent: the receiver's schema makes of it what `decide` sees. */
  readonly data: unknown;
  readonly actor: string;
  readonly correlationId: string;
  readonly causationId: string;
  readonly trace: string | null;
}

/** Somebody newer holds the lock: the transaction is refused. `newest`: the last token that is known, 0 if none is. */
export type FencedOut = Rejection<'fenced', { readonly newest: number }>;

/**
 * Makes them part of the transaction; or tells which lock, or which newer event, refuses it.
 * @throws LockstepError `misuse` for what no part of the app takes, and for a fence of another place.
 */
export function applyEffects(
  tx: Transaction,
  effects: readonly Effect[],
  origin: Origin,
): FencedOut | Overtaken | null {
  for (const [index, effect] of effects.entries()) {
    switch (effect.kind) {
      case 'send':
        send(tx, effect, origin, index);
        break;
      case 'require': {
        const fenced = requireFence(tx, effect.fence);
        if (fenced !== null) return fenced;
        break;
      }
      case 'require-none': {
        const overtaken = overtakenBy(tx, effect.none);
        if (overtaken !== null) return overtaken;
        break;
      }
      case 'push':
      case 'start':
      case 'publish':
        throw new LockstepError(
          'misuse',
          'this version runs machines alone: queues, sagas and topics are not there yet',
          {
            values: { effect: effect.kind },
          },
        );
    }
  }
  return null;
}

/** Null: the lock is held with this token, and by nobody newer until the transaction is over. */
export function requireFence(tx: Transaction, { lock, key, token }: Fence): FencedOut | null {
  if (placeOf(key) !== tx.place)
    throw new LockstepError('misuse', 'not-colocated: a fence holds for what shares the place of its lock', {
      values: { lock, key, place: tx.place },
    });
  const name = leaseNameOf(lock, key);
  if (requireLease(tx, { name, token: token as FencingToken }) === null) return null; // any number: an unknown one is refused
  return { kind: 'rejected', code: 'fenced', details: { newest: lastToken(leasesOf(tx).get(leaseKey(name))) } };
}

/** The lease behind a lock of this key: names of locks have no `/`. */
export const leaseNameOf = (lock: string, key: string): string => `${lock}/${key}`;

function send(
  tx: Transaction,
  effect: Extract<Effect, { readonly kind: 'send' }>,
  origin: Origin,
  index: number,
): void {
  const { machine, key, command, data, delayMs } = effect;
  const { actor, correlationId, commandId: causationId, trace } = origin;
  const about = { machine, command, actor, correlationId, causationId, trace };
  // The codec checks the data.
  const message: StoredValue = data === undefined ? about : { ...about, data: data as StoredValue };
  if (delayMs === 0) return tx.send(key, message);
  tx.checkMessage(key, message); // a timer that cannot send it would be dead, long after who asked was told that it will be
  const at = new Date(Math.ceil(hybridDate(tx.now).getTime() + delayMs));
  // One name for each: a partition's time is of one transaction.
  setTimer(tx, { kind: sendTimer, name: `${tx.now}-${index}`, at, payload: { to: key, message } });
}

/** @throws LockstepError `corrupt`. */
export function commandMessageOf(value: StoredValue): CommandMessage {
  const {
    machine,
    command,
    data,
    actor,
    correlationId,
    causationId,
    trace = null,
  } = (value ?? {}) as {
    readonly [K in keyof CommandMessage]?: unknown;
  };
  const texts = [machine, command, actor, correlationId, causationId];
  if (!texts.every((text) => typeof text === 'string') || (trace !== null && typeof trace !== 'string'))
    throw new LockstepError('corrupt', 'a message to a machine is not what was written');
  const [to, name, who, correlation, causation] = texts as [string, string, string, string, string];
  return { machine: to, command: name, data, actor: who, correlationId: correlation, causationId: causation, trace };
}
