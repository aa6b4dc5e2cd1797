/**
 * Ids that make sending again safe. Their time stands first, so that ids in order are ids in time: it says when one may
 * be forgotten, and that one which was forgotten is too old.
 */
import type { Brand } from '../kernel/brand.ts';
import { LockstepError } from '../kernel/errors.ts';

/** A UUID of version 7, or what `commandId` makes. */
export type CommandId = Brand<string, 'CommandId'>;

const nameUnitsMax = 128;
const msMax = 2 ** 48 - 1;
/** A UUID of version 7 (RFC 9562), or our own: the same 48 bits of milliseconds, `n`, a name. */
const shape = /^[0-9a-f]{8}-[0-9a-f]{4}-(?:7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}|n-.+)$/s;

/**
 * An id of your own: the same name at the same time is the same command.
 * @throws LockstepError `misuse` for a date that is none, a name that is empty, no well-formed text or longer than 128.
 */
export function commandId(at: Date, name: string): CommandId {
  const ms = at.getTime();
  if (!(ms >= 0 && ms <= msMax)) throw wrong('the time of a command id is a date since 1970', String(ms));
  if (name.length === 0 || name.length > nameUnitsMax || !name.isWellFormed())
    throw wrong('the name of a command id has 1 to 128 characters', name.slice(0, 32));
  return `${timePrefix(ms)}-n-${name}` as CommandId;
}

/** What all ids of this millisecond begin with. */
export function timePrefix(ms: number): string {
  const digits = ms.toString(16).padStart(12, '0');
  return `${digits.slice(0, 8)}-${digits.slice(8)}`;
}

/** Milliseconds since 1970. @throws LockstepError `invalid` for a text that is no command id. */
export function timeOfCommand(id: string): number {
  const isOne = id.length <= nameUnitsMax + 16 && shape.test(id) && id.isWellFormed();
  if (isOne) return Number.parseInt(id.slice(0, 8), 16) * 0x1_0000 + Number.parseInt(id.slice(9, 13), 16);
  throw new LockstepError('invalid', 'this is no command id', {
    values: { commandId: id.slice(0, 64) },
    advice: ['use env.newId() (a UUID of version 7), or commandId(at, name)'],
  });
}

const wrong = (message: string, value: string): LockstepError =>
  new LockstepError('misuse', message, { values: { value } });
