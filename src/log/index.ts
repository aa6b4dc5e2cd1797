/**
 * `lockstep/log`: a totally ordered sequence of records with one writer at a time, on whatever keeps it. Open a `Log`
 * from an engine, `acquire` a `LogWriter` to lead and append, `read` to follow. Who is deposed is fenced: a record of
 * an older epoch never follows a claim. Start at `fileEngine` and `Log`; `memoryEngine` is for tests. To bring an engine
 * of your own, implement `RecordStores` (anything with a conditional append), call `storeEngine`, and run the contract
 * over it (`docs/engines.md`).
 */
export { fileEngine, fileGuarantees } from './file.ts';
export type { FileEngineOptions } from './file.ts';
export { openFileEngine } from './file-owner.ts';
export type { OwnedFileEngineOptions, OwnedFilePorts } from './file-owner.ts';
export { memoryEngine, memoryGuarantees } from './memory.ts';
export type { MemoryEngineOptions } from './memory.ts';
export type {
  Epoch,
  Guarantees,
  Hold,
  Log,
  LogBatch,
  LogEngine,
  LogEntry,
  LogId,
  LogReadOptions,
  LogRecord,
  LogWriter,
  Position,
} from './port.ts';
export { beforeFirst, nextPosition, position } from './coordinates.ts';
export { isClaim, ownerOf } from './record.ts';
export { logDefaults } from './config.ts';
export type { LogConfig } from './config.ts';
export type { LogSource, LogSourceEnv } from './source.ts';
export { storeEngine } from './store-engine.ts';
export type { StoreEngineOptions } from './store-engine.ts';
export type { RecordStore, RecordStores, StoredBytes, StoreRead } from './store.ts';
export type { LogPorts } from './within.ts';
export { isLockstepError, LockstepError } from '../kernel/errors.ts';
