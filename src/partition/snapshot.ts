/** All state at one durable revision, kept readable until it is disposed or too old. */
import type { Ports } from '../env/env.ts';
import { LockstepError } from '../kernel/errors.ts';
import type { Instant } from '../kernel/time.ts';
import type { HeldCursor } from '../storage/tree.ts';
import type { Replica } from './replica.ts';
import type { PlaceEntry, Reader, ReadSpace, SystemEntry, Token } from './transaction.ts';
import { TreeReader } from './tree-reader.ts';

/** Dispose it: what it can see is kept as long. */
export interface Snapshot extends Reader, Disposable {
  readonly kind: 'snapshot';
  readonly token: Token;
  /** For at most how long other state than this may have been the newest, when it was taken. 0: it was the newest. */
  readonly ageMs: number;
}

export interface SnapshotAbout {
  readonly ageMs: number;
  readonly since: Instant;
  /** It is disposed by itself after so long. */
  readonly msMax: number;
  /** Once, when it ends, however that is. */
  readonly onEnd: (snapshot: HeldSnapshot) => void;
}

export class HeldSnapshot implements Snapshot {
  readonly kind = 'snapshot';
  readonly revision: number;
  readonly token: Token;
  readonly ageMs: number;
  /** When it was taken. */
  readonly since: Instant;
  readonly #reader: TreeReader;
  readonly #walks = new Set<() => void>();
  readonly #release: () => void;
  #ended: 'disposed' | 'too old' | 'closed' | null = null;

  constructor(ports: Pick<Ports, 'timers'>, replica: Replica, { ageMs, since, msMax, onEnd }: SnapshotAbout) {
    const { revision, held } = replica.holdDurable();
    this.revision = revision;
    this.token = replica.tokenAt(revision);
    this.ageMs = ageMs;
    this.since = since;
    const timer = ports.timers.after(msMax, () => this.#end('too old'));
    this.#release = () => {
      timer.cancel();
      held.release();
      onEnd(this);
    };
    const owner = {
      revision: () => this.#check(msMax),
      walking: ({ release }: HeldCursor) => {
        const end = (): void => {
          if (this.#walks.delete(end)) release();
        };
        this.#walks.add(end);
        return end;
      },
    };
    this.#reader = new TreeReader(replica.tree, owner, replica.decoder);
  }

  get local(): ReadSpace {
    return this.#reader.local;
  }

  at(key: string): ReadSpace {
    return this.#reader.at(key);
  }

  system(name: string, place: string | null): ReadSpace {
    return this.#reader.system(name, place);
  }

  everywhere(name: string, after?: PlaceEntry): Iterable<SystemEntry> {
    return this.#reader.everywhere(name, after);
  }

  [Symbol.dispose](): void {
    this.#end('disposed');
  }

  /** There is nothing to be read any more. */
  close(): void {
    this.#end('closed');
  }

  #end(how: 'disposed' | 'too old' | 'closed'): void {
    if (this.#ended !== null) return;
    this.#ended = how;
    for (const end of this.#walks) end();
    this.#release();
  }

  #check(msMax: number): number {
    if (this.#ended === null) return this.revision;
    if (this.#ended === 'disposed') throw new LockstepError('misuse', 'this snapshot was disposed');
    if (this.#ended === 'closed') throw new LockstepError('stopped', 'the partition of this snapshot is closed');
    throw new LockstepError('stopped', 'this snapshot was too old and was disposed', {
      values: { revision: this.revision, snapshotMsMax: msMax },
      advice: ['read what lasts longer in parts, each from a snapshot of its own'],
    });
  }
}
