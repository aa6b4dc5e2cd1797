/**
 * The load of the log's rows, the same for all sides: a number of callers, each waiting for its own entry to be
 * acknowledged before it sends the next. Every entry is another one; what is acknowledged is summed up.
 */
import type { WorkDone } from '../harness.ts';

export interface Load {
  readonly callers: number;
  readonly entries: number;
  readonly entryBytes: number;
}

/** `append` takes the bytes before it returns (the caller writes its next entry into them), and resolves once acknowledged. */
export async function runLoad(
  { callers, entries, entryBytes }: Load,
  append: (entry: Uint8Array, caller: number) => Promise<unknown>,
): Promise<WorkDone & { readonly latenciesMs: Float64Array }> {
  const latenciesMs = new Float64Array(entries);
  let [next, checksum] = [0, 0];
  const call = async (caller: number): Promise<void> => {
    const entry = new Uint8Array(entryBytes).fill(caller);
    const view = new DataView(entry.buffer);
    while (next < entries) {
      const index = next++;
      view.setUint32(0, index, true);
      const startedAt = performance.now();
      await append(entry, caller);
      latenciesMs[index] = performance.now() - startedAt;
      checksum += index;
    }
  };
  await Promise.all(Array.from({ length: Math.min(callers, entries) }, (_, caller) => call(caller)));
  return { checksum, operations: entries, bytes: entries * entryBytes, latenciesMs };
}
