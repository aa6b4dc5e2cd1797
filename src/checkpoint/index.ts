/**
 * `lockstep/checkpoint`: where checkpoints and backups are kept. A store holds immutable files, each named by the
 * SHA-256 of its content, and one pointer that moves by compare-and-set. Start at `directoryCheckpoints` and
 * `CheckpointStore`; a bucket of any S3-compatible service is `lockstep/checkpoint/s3`.
 */
export { directoryCheckpoints } from './directory.ts';
export type { DirectoryPorts } from './directory.ts';
export { ContentHash, contentName, fileName } from './file-name.ts';
export type { FileName } from './file-name.ts';
export { bytesOf, contentOf, contentOfFile } from './content.ts';
export type { CheckpointStore, Content, Pointer, PointOutcome, StoredContent, StoredFile } from './port.ts';
export { isLockstepError, LockstepError } from '../kernel/errors.ts';
