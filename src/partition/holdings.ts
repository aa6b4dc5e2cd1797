/**
 * What is held in a partition though nobody waits for it now: since when, until when, by whom, and what that costs. The
 * registry of waits tells who waits; this tells what keeps the log from being trimmed and versions from being let go.
 */
import { hybridDate, hybridTimestamp } from '../clock/timestamp.ts';
import type { Clock } from '../env/clock.ts';
import { elapsedMs, type Instant } from '../kernel/time.ts';
import { captures } from './capture/capture.ts';
import type { ChangesReaders } from './changes.ts';
import type { HoldService } from './hold/hold-service.ts';
import { logHolds } from './hold/log-hold.ts';
import { holdingOf, leaseSystem } from './lease/lease-state.ts';
import type { Reads } from './reads.ts';
import type { Replica } from './replica.ts';
import type { Reader } from './transaction.ts';
import { TreeReader } from './tree-reader.ts';

/** Plain data. A number that is null is not known here, or there is no such cost. */
export interface Holding {
  /**
   * `changes`: somebody reads them here. `hold`: one that lasts (`holdLog`). `snapshot`: one of this node. `capture`: ranges
   * whose before-images are kept (`setCapture`). `lease`: somebody has it.
   */
  readonly what: 'changes' | 'hold' | 'snapshot' | 'capture' | 'lease';
  /** Its name, where it has one; of a lease with its place before it. */
  readonly name: string | null;
  readonly heldBy: string | null;
  readonly since: Date | null;
  /** When it ends by itself. */
  readonly until: Date | null;
  /** So many records of the log are kept for it. Of a hold that lasts only whoever leads knows. */
  readonly recordsKept: number | null;
  /** Versions of so many revisions are kept for it. */
  readonly revisionsKept: number | null;
}

export interface HoldingsSetup {
  readonly clock: Clock;
  readonly replica: Replica;
  readonly changes: ChangesReaders;
  readonly reads: Reads;
  /** Null: this node follows. */
  readonly holds: HoldService | null;
}

/** More leases than these are not told. */
const leasesMax = 1_000;
const nothing = { name: null, heldBy: null, since: null, until: null, recordsKept: null, revisionsKept: null };

/** Of this node what it holds itself, and what stands in the durable state. @throws as reading it. */
export function holdingsOf(setup: HoldingsSetup): readonly Holding[] {
  const { replica } = setup;
  const { revision, held } = replica.holdDurable();
  const reader = new TreeReader(replica.tree, { revision: () => revision, walking: (walk) => walk.release });
  try {
    return [...ofThisNode(setup), ...ofHolds(reader, setup.holds), ...ofCaptures(reader), ...ofLeases(reader)];
  } finally {
    held.release();
  }
}

function* ofThisNode({ clock, replica, changes, reads }: HoldingsSetup): Iterable<Holding> {
  const [now, wallMs] = [clock.now(), clock.wall()];
  const dateOf = (since: Instant): Date => new Date(Math.round(wallMs - elapsedMs(since, now)));
  for (const { since, records } of changes.explain())
    yield { ...nothing, what: 'changes', since: dateOf(since), recordsKept: records };
  for (const { since, revision, msMax } of reads.explain()) {
    const begun = dateOf(since);
    const revisionsKept = Math.max(0, replica.durableRevision - revision);
    yield { ...nothing, what: 'snapshot', since: begun, until: new Date(begun.getTime() + msMax), revisionsKept };
  }
}

function* ofHolds(reader: Reader, holds: HoldService | null): Iterable<Holding> {
  for (const { name, movedMs, untilMs } of logHolds(reader)) {
    const recordsKept = holds?.recordsKept(name) ?? null;
    yield { ...nothing, what: 'hold', name, since: new Date(movedMs), until: new Date(untilMs), recordsKept };
  }
}

function* ofCaptures(reader: Reader): Iterable<Holding> {
  for (const { name } of captures(reader)) yield { ...nothing, what: 'capture', name };
}

function* ofLeases(reader: Reader): Iterable<Holding> {
  let count = 0;
  for (const { place, key, value } of reader.everywhere(leaseSystem)) {
    const [kind, name] = key;
    const holding = kind === 'lease' ? holdingOf(value) : null;
    if (holding === null) continue;
    if (++count > leasesMax) return;
    const given = hybridTimestamp(holding.token);
    yield {
      ...nothing,
      what: 'lease',
      name: place === null ? String(name) : `${place}/${String(name)}`,
      heldBy: holding.owner,
      since: given === null ? null : hybridDate(given),
      until: new Date(holding.untilMs),
    };
  }
}
