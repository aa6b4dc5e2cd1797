/**
 * An append whose outcome is certain. It is conditional on the position before it, so sending it again is harmless; and
 * once another record stands in its place it can never be there. So every doubt (a lost answer, a late one, a client
 * that resent by itself and got "conflict") ends by looking at that place. Only time can end it otherwise.
 */
import { LockstepError } from '../kernel/errors.ts';
import type { LogConfig } from './config.ts';
import { nextPosition } from './coordinates.ts';
import type { Extent } from './extent.ts';
import type { Position } from './port.ts';
import type { RecordCodec } from './record.ts';
import type { RecordStore } from './store.ts';
import { Attempts, type LogPorts } from './within.ts';

/** All that a log over a store is made of. */
export interface StoreContext {
  readonly ports: LogPorts;
  readonly config: LogConfig;
  readonly store: RecordStore;
  readonly codec: RecordCodec;
  readonly extent: Extent;
}

/**
 * `taken`: certainly not in the log, another record is in its place, or the log is gone.
 * @throws LockstepError at the deadline, `unknown`, or `unavailable` when no attempt can have had an effect; what the store threw
 * for good; `unknown` when the place was trimmed before anybody looked.
 */
export async function settle(context: StoreContext, after: Position, bytes: Uint8Array): Promise<'appended' | 'taken'> {
  const { ports, config, store, extent } = context;
  const attempts = new Attempts(ports, config);
  for (;;) {
    const answer = await firm(attempts, () => attempts.once(() => store.append(after, bytes)));
    if (answer === 'appended') {
      extent.saw(nextPosition(after));
      return 'appended';
    }
    if (answer === 'gone') return 'taken';
    // A client that sends again by itself gets "conflict" from its own first success.
    if (answer === 'conflict') attempts.inDoubt = true;
    const stands = await firm(attempts, () => attempts.once(() => whatStands(context, after, bytes)));
    if (stands !== null && stands !== 'nothing') return stands;
    if (attempts.leftMs <= 0) throw attempts.failure('an append');
    if (stands === 'nothing' && answer === 'conflict') await attempts.pause(); // it reads less than it knows
  }
}

/** A failure for good leaves the doubts of earlier attempts open. */
async function firm<T>(attempts: Attempts, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (cause) {
    if (!attempts.inDoubt) throw cause;
    throw new LockstepError('unknown', 'an append could not be settled', { cause });
  }
}

async function whatStands(
  { store, codec, extent }: StoreContext,
  after: Position,
  bytes: Uint8Array,
): Promise<'appended' | 'taken' | 'nothing'> {
  const read = await store.read(after, 1);
  if (read.kind === 'gone') return 'taken';
  const [there] = read.records;
  if (there === undefined || there.position !== nextPosition(after)) {
    if (read.last <= after) return 'nothing';
    throw new LockstepError('unknown', 'the place of an append was trimmed before it could be looked at', {
      values: { position: after + 1, first: read.first },
    });
  }
  extent.saw(there.position);
  if (equal(there.bytes, bytes)) return 'appended';
  codec.decode(there.position, there.bytes); // a damaged copy of ours must not pass for another's
  return 'taken';
}

const equal = (one: Uint8Array, other: Uint8Array): boolean =>
  one.length === other.length && one.every((byte, at) => byte === other[at]);
