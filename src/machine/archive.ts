/**
 * Archiving of streams that are over: their rows are packed into chunks, and the order of the partition names them from then
 * on instead of having them too. Nothing else changes: they are read, followed, folded and forgotten as before, and a command
 * to such an instance is decided on its state; what it makes stands behind the chunks. A few rows a transaction.
 */
import { partsOf } from '../bytes/value-parts.ts';
import { LockstepError } from '../kernel/errors.ts';
import type { Partitions } from '../partition/partitions.ts';
import { cancelTimer, setTimer } from '../partition/timer/timer.ts';
import type { TimerHandler } from '../partition/timer/timer-fire.ts';
import type { SpaceEntry, Transaction } from '../partition/transaction.ts';
import { chunkOf } from './chunk.ts';
import type { AnyMachine } from './definition.ts';
import { again, deliver, type Again, type DeliveryPorts } from './delivery.ts';
import { decodeRow, eventsSystem, orderSystem, placeInStream } from './event-row.ts';
import { placeStateOf } from './place-state.ts';
import type { MachineRuntime } from './runtime.ts';
import { archiveSystem } from './stream-rows.ts';

/** Rows of one chunk, and of one transaction. */
const rowsMax = 64;
/** The same in bytes, as they stand one by one; a longer row is a chunk by itself. To find a row all of its chunk is read. */
const rowBytesMax = 32_768;

/** Archives the next rows of a stream; how many events they have, 0: there are no more. @throws LockstepError `corrupt`. */
export function archiveFurther(tx: Transaction, machine: string, key: string): number {
  const entries = nextEntries(tx, machine, key);
  const [first] = entries;
  if (first === undefined) return 0;
  tx.system(archiveSystem, 'place').set(first[0], chunkOf(entries.map(([, stored]) => stored)));
  const place = placeStateOf(tx);
  const rows = tx.system(eventsSystem, 'place');
  const order = tx.system(orderSystem, 'local');
  let eventCount = 0;
  for (const [at, stored] of entries) {
    const { revision, events } = decodeRow(placeInStream(at), partsOf(stored), place);
    rows.delete(at);
    order.set([revision, ...at], null);
    eventCount += events.length;
  }
  return eventCount;
}

/** Those that one chunk takes. */
function nextEntries(tx: Transaction, machine: string, key: string): readonly SpaceEntry[] {
  const entries: SpaceEntry[] = [];
  let bytes = 0;
  for (const entry of tx.system(eventsSystem, 'place').range({ prefix: [machine, key], limit: rowsMax })) {
    bytes += tx.encoded(entry[1]).length;
    if (entries.length > 0 && bytes > rowBytesMax) break;
    entries.push(entry);
  }
  return entries;
}

export interface ArchiveSetup extends DeliveryPorts {
  readonly partitions: Partitions;
}

const withinMs = 30_000;

export interface Archived {
  /** Events that were not archived yet. */
  readonly archived: number;
  /** None is left. */
  readonly isAll: boolean;
}

/**
 * Archives the events that an instance has, about `eventsMax` of them at most.
 * @throws LockstepError `unavailable` after 30 s, `unknown`; `stopped`; `corrupt`.
 */
export async function archiveStream(
  setup: ArchiveSetup,
  machine: AnyMachine,
  key: string,
  eventsMax: number,
): Promise<Archived> {
  const values = { machine: machine.name, key };
  const about = { what: 'archive', key, values, withinMs, signal: undefined };
  let archived = 0;
  while (archived < eventsMax) {
    const { events } = await deliver(setup, about, async (leftMs): Promise<Done | Again> => {
      const further = (tx: Transaction): number => archiveFurther(tx, machine.name, key);
      const outcome = await setup.partitions.transact<number>(key, further, { withinMs: leftMs });
      if (outcome.kind === 'committed') return { kind: 'done', events: outcome.value };
      if (outcome.kind === 'not-leader' || outcome.kind === 'refused') return again(outcome, values);
      throw new LockstepError('unavailable', 'this was not decided', { values: { ...values, kind: outcome.kind } });
    });
    if (events === 0) return { archived, isAll: true };
    archived += events;
  }
  return { archived, isAll: false };
}

interface Done {
  readonly kind: 'done';
  readonly events: number;
}

/** The timers' kind of what archives streams by themselves. */
export const archiveTimer = 'machine-archive';

/** With every command: when the instance will be archived, if its new state says that it is over. */
export function planArchive(tx: Transaction, machine: AnyMachine, key: string, state: unknown): void {
  const { archive } = machine['~machine'];
  if (archive === null) return;
  const about = { kind: archiveTimer, name: `${machine.name}/${key}` };
  if (!archive.when(state)) cancelTimer(tx, about);
  else setTimer(tx, { ...about, after: archive.after, payload: { machine: machine.name, key } });
}

/** For `timerService`: a few rows, and again at once while there are more. */
export const archiveHandler =
  ({ machines }: MachineRuntime): TimerHandler =>
  (tx, { kind, name, payload }) => {
    const { machine, key } = payload as { readonly machine: string; readonly key: string }; // as `planArchive` sets it
    const archive = machines.get(machine)?.['~machine'].archive ?? null;
    if (archive === null) return; // by now it is not to be archived
    if (archiveFurther(tx, machine, key) > 0) setTimer(tx, { kind, name, payload, after: '0ms' });
  };
