/**
 * `lockstep/checkpoint/s3`: a checkpoint store in a bucket of Amazon S3 or of any service that speaks its protocol and
 * keeps its promises: reads that show every acknowledged write, and conditional writes (`If-None-Match: *` and
 * `If-Match` on PUT). Opening tries these, and refuses a service that ignores them. Needs the package
 * `@smithy/signature-v4`, an optional peer.
 */
import type { CheckpointStore } from './port.ts';
import { openBucket } from './s3/bucket.ts';
import { placeOf, type S3Options, type S3Ports } from './s3/options.ts';

export type { S3Config, S3Credentials, S3Options, S3Ports } from './s3/options.ts';
export { s3Defaults } from './s3/options.ts';

/**
 * Reaches the bucket, and tries whether it keeps its word on conditional writes.
 * @throws LockstepError `misuse` for options that are none, or when the package that signs is missing; `invalid` for a
 * bucket that is not there, or a service without conditional writes; `rejected` for credentials that do not do, or a
 * clock that is too far off; `unavailable`, `overloaded`, `unknown` when it does not answer.
 */
export async function s3Checkpoints(ports: S3Ports, options: S3Options): Promise<CheckpointStore> {
  return openBucket(ports, placeOf(options));
}
