/** Transactions that become durable together, and who waits for that. */
import type { ByteWriter } from '../bytes/byte-writer.ts';
import type { HybridTimestamp } from '../clock/timestamp.ts';
import type { Instant } from '../kernel/time.ts';
import { GroupPayload } from './group-payload.ts';
import type { Replica } from './replica.ts';
import type { Commit } from './transaction.ts';

/** Somebody who waits for an outcome that is known already and may not be told yet. Told once: later calls do nothing. */
export interface Member {
  /** All that it read and wrote is durable, and this leader still led after it ran. */
  release(): void;
  /** It certainly did not happen. */
  deny(): void;
  /** Nobody knows; or it did not happen, if the error says so. */
  fail(error: Error): void;
}

export interface NotedCommit {
  readonly commit: Commit;
  readonly notes: readonly { readonly topic: string; readonly note: unknown }[];
}

export class Group {
  readonly members: Member[] = [];
  /** In order; of those that wrote. */
  readonly commits: NotedCommit[] = [];
  /** Null while nobody has written: then there is nothing to append, only to confirm. */
  payload: GroupPayload | null = null;
  firstRevision = 0;
  lastRevision = 0;
  lastTime: HybridTimestamp | null = null;
  /** What its members count for while they wait. */
  countedBytes = 0;
  /** Those who were in it when its deadline came were told. */
  isLate = false;
  /** When it began to gather. */
  readonly since: Instant;
  /** What the payload is made in. */
  readonly writer: ByteWriter;

  /** `writer`: empty, with room for as much as the log takes. */
  constructor(writer: ByteWriter, since: Instant) {
    this.writer = writer;
    this.since = since;
  }

  get bytes(): number {
    return this.payload?.byteLength ?? 0;
  }

  add(
    revision: number,
    time: HybridTimestamp,
    { batch, images }: { readonly batch: Uint8Array; readonly images: Uint8Array | null },
    { floor, level }: Pick<Replica, 'floor' | 'level'>,
  ): void {
    if (this.payload === null) {
      this.payload = new GroupPayload(this.writer, floor, level);
      this.firstRevision = revision;
    }
    this.payload.add(time, batch, images);
    this.lastRevision = revision;
    this.lastTime = time;
  }
}
