/**
 * Reads everything that a replica rests on and tells what is not as it was written: every checksum of its tables, the log
 * from where it begins to the place that this replica has, record by record with its chain, and the places in the log that
 * stand in the state. Damage is an answer, not an error. What state it leads to is a scrub's business.
 */
import type { Disk } from '../../env/disk.ts';
import type { Ports } from '../../env/env.ts';
import { isLockstepError, LockstepError } from '../../kernel/errors.ts';
import { beforeFirst, position } from '../../log/coordinates.ts';
import type { Log, LogBatch, LogRecord, Position } from '../../log/port.ts';
import { isPassing, pause, within } from '../../log/within.ts';
import type { Waits } from '../../observe/waits.ts';
import { firstLine } from '../../storage/damaged-table.ts';
import type { TreeDamage } from '../../storage/tree-damage.ts';
import { verifyTables, type VerifyPorts, type VerifyProgress as TablesProgress } from '../../storage/verify-tree.ts';
import { decodeGroup } from '../group-payload.ts';
import { decodeMark, type LogMark } from '../log-mark.ts';
import { systemNames, type Place, type Replica } from '../replica.ts';

export interface VerifyOptions {
  /** The deadline, in milliseconds. Default 3,600,000. */
  readonly withinMs?: number | undefined;
  /** Ends it; it rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Called after each table, and after each batch of records. */
  readonly onProgress?: ((progress: VerifyProgress) => void) | undefined;
}

export type VerifyProgress =
  | ({ readonly kind: 'tables' } & TablesProgress)
  | { readonly kind: 'log'; readonly recordCount: number; readonly verifiedRecordCount: number };

export type Finding =
  | ({ readonly kind: 'table' } & TreeDamage)
  /** A record that is not what was written there, or does not go on from the one before. */
  | { readonly kind: 'log'; readonly position: number; readonly what: string }
  /** The state names a place in a log that is not this one. */
  | { readonly kind: 'mark'; readonly position: number; readonly what: string };

interface Verified {
  /** The newest durable one when it began. */
  readonly revision: number;
  readonly tableCount: number;
  /** Of the log, up to the place that this replica had when it began. */
  readonly recordCount: number;
}

export type Verification = Verified &
  ({ readonly kind: 'sound' } | { readonly kind: 'damaged'; readonly findings: readonly Finding[] });

export interface VerifierSetup {
  readonly ports: Pick<Ports, 'timers' | 'randomness'>;
  readonly waits: Waits | null;
  readonly key: string;
  /** Of the replica's tree. */
  readonly disk: Disk;
  readonly tables: () => VerifyPorts;
  readonly log: Log;
  readonly replica: Replica;
  /** The partition is closed. */
  readonly closing: AbortSignal;
}

interface VerifySetup extends VerifierSetup {
  readonly signal: AbortSignal;
  readonly onProgress: (progress: VerifyProgress) => void;
}

const withinMsDefault = 3_600_000;

/** Before the log is read on when it could not be. */
const pauseMsMax = 200;

/** One at a time, with a deadline, among the waits. */
export class Verifier {
  readonly #setup: VerifierSetup;
  #underWay: Promise<unknown> | null = null;

  constructor(setup: VerifierSetup) {
    this.#setup = setup;
  }

  /** @throws as `Partition.verify`. */
  async run({ withinMs = withinMsDefault, signal, onProgress = () => {} }: VerifyOptions): Promise<Verification> {
    const { ports, waits, key, closing } = this.#setup;
    if (this.#underWay !== null) throw new LockstepError('overloaded', 'it is being verified', { values: { key } });
    const wait = waits?.enter({ what: 'verify', key, waitsFor: 'all tables and the log to be read', withinMs });
    try {
      const verified = await within(ports.timers, withinMs, [signal, closing], (ending) => {
        const underWay = verifyReplica({ ...this.#setup, signal: ending, onProgress });
        this.#underWay = underWay;
        return underWay;
      });
      if (verified.kind === 'done') return verified.value;
      throw new LockstepError('unavailable', 'the deadline came before all was read', { values: { key, withinMs } });
    } finally {
      wait?.leave();
      await this.idle();
      this.#underWay = null;
    }
  }

  /** Resolves when nothing is read. */
  async idle(): Promise<void> {
    await this.#underWay?.catch(() => {}); // whoever asked for it was told, or gave it up
  }
}

/** @throws the signal's reason; what is not damage and does not pass. */
async function verifyReplica(setup: VerifySetup): Promise<Verification> {
  const { disk, tables, log, replica, signal, onProgress } = setup;
  const revision = replica.durableRevision;
  const place = replica.place;
  const { position: to, chain } = place;
  const marks = marksIn(replica);
  const held = log.hold(position(1));
  try {
    let tableCount = 0;
    const damages = await verifyTables(replica.tree, disk, tables(), {
      signal,
      onProgress: (progress) => {
        tableCount = progress.tableCount;
        onProgress({ kind: 'tables', ...progress });
      },
    });
    const findings: Finding[] = damages.map((damage) => ({ kind: 'table', ...damage }));
    const reading = new LogVerification(setup, to);
    if (to > beforeFirst) await reading.all();
    findings.push(...reading.findings);
    if (reading.last !== null && chain !== undefined && reading.last.chain !== chain)
      findings.push({ kind: 'mark', position: to, what: 'the record that this replica came to last is another one' });
    for (const mark of marks) findings.push(...(await verifyMark(setup, mark, place)));
    const verified = { revision, tableCount, recordCount: reading.recordCount };
    return findings.length === 0 ? { kind: 'sound', ...verified } : { kind: 'damaged', findings, ...verified };
  } finally {
    held.release();
  }
}

/** All records that there are up to a place; it ends at the first that cannot be read: nothing is known behind it. */
class LogVerification {
  readonly findings: Finding[] = [];
  recordCount = 0;
  /** At the place where it was to end; null: it did not get there. */
  last: LogRecord | null = null;
  readonly #setup: VerifySetup;
  readonly #to: Position;
  #at: Position = beforeFirst;
  #chain: string | undefined = undefined;
  #nextRevision: number | null = null;

  constructor(setup: VerifySetup, to: Position) {
    this.#setup = setup;
    this.#to = to;
  }

  async all(): Promise<void> {
    while (!(await this.#someOf())) continue;
  }

  /** True: there is no more to be read. */
  async #someOf(): Promise<boolean> {
    const { ports, log, signal } = this.#setup;
    try {
      for await (const batch of log.read(this.#at, { chain: this.#chain, signal })) {
        if (batch.kind !== 'records') return this.#ended(batch);
        for (const record of batch.records) if (this.#isLast(record)) return true;
        this.#tell();
      }
      return false;
    } catch (error) {
      if (signal.aborted) throw error;
      if (isPassing(error))
        return pause(ports.timers, ports.randomness.float() * pauseMsMax, [signal]).then(() => false);
      if (!isLockstepError(error, 'corrupt') && !isLockstepError(error, 'invalid')) throw error;
      return this.#found(firstLine(error));
    }
  }

  #isLast(record: LogRecord): boolean {
    this.recordCount++;
    this.#at = record.position;
    this.#chain = record.chain;
    this.#check(record);
    if (record.position < this.#to) return false;
    this.last = record;
    this.#tell();
    return true;
  }

  #check({ position: at, payload, firstRevision, revisionCount }: LogRecord): void {
    if (revisionCount === 0) return;
    const expected = this.#nextRevision ?? firstRevision;
    if (firstRevision !== expected) this.#found(`it begins with revision ${firstRevision} instead of ${expected}`, at);
    this.#nextRevision = firstRevision + revisionCount;
    try {
      decodeGroup(payload, revisionCount, this.#setup.replica.levelMax);
    } catch (error) {
      if (!isLockstepError(error)) throw error;
      this.#found(firstLine(error), at);
    }
  }

  #ended(batch: Exclude<LogBatch, { readonly kind: 'records' }>): boolean {
    if (batch.kind === 'diverged')
      return this.#found(`expected ${batch.expected}, found ${batch.found}`, batch.position);
    if (this.#at !== beforeFirst || batch.earliest > this.#to)
      return this.#found(`what comes next is gone; the log begins at ${batch.earliest}`);
    this.#at = position(batch.earliest - 1);
    return false;
  }

  #found(what: string, at: number = this.#at + 1): true {
    this.findings.push({ kind: 'log', position: at, what });
    return true;
  }

  #tell(): void {
    const { recordCount } = this;
    const left = Math.max(0, this.#to - this.#at);
    this.#setup.onProgress({ kind: 'log', recordCount: recordCount + left, verifiedRecordCount: recordCount });
  }
}

/** The places in the log that stand in the state: of the newest durable group, and of the newest in tables. */
function marksIn(replica: Replica): readonly LogMark[] {
  const revisions = new Set([replica.durableRevision, replica.flushedRevision]);
  const values = [...revisions].map((revision) => replica.system(systemNames.log, [], revision));
  return values.filter((value) => value !== undefined).map(decodeMark);
}

/** A place that stands in the state: what follows it in the log must go on from its chain. */
async function verifyMark(
  { ports, log, signal }: VerifySetup,
  mark: LogMark,
  place: Place,
): Promise<readonly Finding[]> {
  const found = (what: string): readonly Finding[] => [{ kind: 'mark', position: mark.position, what }];
  // Just opened, a replica is where its tables' mark says.
  if (mark.position === place.position && mark.chain === place.chain) return [];
  if (mark.position >= place.position)
    return found(`the state names a place that is not before ${place.position}, to which it led`);
  for (;;) {
    try {
      for await (const batch of log.read(position(mark.position), { chain: mark.chain, signal })) {
        if (batch.kind === 'records') return [];
        if (batch.kind === 'trimmed') return found('the log no longer has what follows it');
        return found(`the state names the chain ${mark.chain}, and the log goes on from another`);
      }
    } catch (error) {
      if (signal.aborted) throw error;
      // Damage of the log was found by reading all of it.
      if (isLockstepError(error, 'corrupt') || isLockstepError(error, 'invalid')) return [];
      if (!isPassing(error)) throw error;
      await pause(ports.timers, ports.randomness.float() * pauseMsMax, [signal]);
    }
  }
}
