/**
 * Events of one partition as they come about, from any place in it on: what is stored already, then what is committed,
 * without gap or repeat, on whichever node. It reads when it is asked for more, so who is slow holds a bounded part.
 */
import type { Partition } from '../partition/partition.ts';
import type { Token } from '../partition/transaction.ts';
import type { EventRow } from './event-row.ts';
import { RowSource, type RowSourcePorts, type SourceOptions } from './row-source.ts';

export interface SubscribeOptions extends SourceOptions {
  /** Ends it; it rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Rows in order, each one command's events, and where to read on once all of them were taken. */
export interface SubscribedRows {
  readonly rows: readonly EventRow[];
  readonly token: Token;
}

/**
 * @throws LockstepError `invalid` for a token of another partition; `stopped` once the partition is closed; the signal's
 * reason; what stopped the partition.
 */
export async function* subscribe(
  ports: RowSourcePorts,
  partition: Partition,
  options: SubscribeOptions,
): AsyncGenerator<SubscribedRows, void, undefined> {
  const source = new RowSource(ports, partition, options);
  for (;;) {
    const { rows, token } = await source.further(options.signal);
    if (rows.length > 0) yield { rows, token };
  }
}
