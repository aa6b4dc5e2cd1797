/** What the background of a tree has done so far, in numbers. */
import type { TableMeta } from './manifest.ts';

export class TreeWork {
  flushCount = 0;
  flushedBytes = 0;
  compactionCount = 0;
  compactedBytesRead = 0;
  compactedBytesWritten = 0;
  /** Tables that went down a level as they were. */
  movedCount = 0;
  /** By level that was written to. */
  readonly bytesWrittenTo: number[] = [];

  /** Bytes written to tables for each byte that was flushed; 1 before the first compaction. */
  get writeAmplification(): number {
    return this.flushedBytes === 0 ? 1 : 1 + this.compactedBytesWritten / this.flushedBytes;
  }

  countFlush(tables: readonly TableMeta[]): void {
    this.flushCount++;
    this.flushedBytes += bytesOf(tables);
  }

  countCompaction(level: number, inputs: readonly TableMeta[], outputs: readonly TableMeta[]): void {
    this.compactionCount++;
    this.compactedBytesRead += bytesOf(inputs);
    this.compactedBytesWritten += bytesOf(outputs);
    this.bytesWrittenTo[level] = (this.bytesWrittenTo[level] ?? 0) + bytesOf(outputs);
  }

  countMove(tables: readonly TableMeta[]): void {
    this.movedCount += tables.length;
  }
}

const bytesOf = (tables: readonly TableMeta[]): number => tables.reduce((sum, one) => sum + one.bytes, 0);
