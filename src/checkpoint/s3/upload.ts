/**
 * A file on its way into a bucket: in one request if it fits a part, otherwise as a multipart upload. Either way it
 * appears whole, by one request, and only if nobody stored it meanwhile (`If-None-Match: *`); and only once its hash was
 * found to be what its name says.
 */
import { hexOf, Sha256 } from '../../bytes/sha256.ts';
import { LockstepError } from '../../kernel/errors.ts';
import { joined } from '../content.ts';
import { hashIn, type FileName } from '../file-name.ts';
import type { Content } from '../port.ts';
import { elementIn, failureIn, textIn } from './answers.ts';
import { partCountMax } from './options.ts';
import type { S3Requests } from './requests.ts';

export const fileKey = (name: FileName): string => `files/${name}`;

const ifAbsent = { 'if-none-match': '*' };

interface Part {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly hash: string;
}

export async function upload(requests: S3Requests, name: FileName, content: Content): Promise<'stored' | 'already'> {
  const parts = partsOf(content, requests.place.config.partBytes);
  try {
    return await uploadFrom(requests, name, parts);
  } finally {
    await parts.return(); // also where a request failed: what the content has open is closed
  }
}

async function uploadFrom(
  requests: S3Requests,
  name: FileName,
  parts: AsyncGenerator<Part, void>,
): Promise<'stored' | 'already'> {
  const first = await parts.next();
  const second = await parts.next();
  if (second.done !== true && first.done !== true)
    return uploadParts(requests, name, [first.value, second.value], parts);
  const { bytes, hash } = first.done === true ? emptyPart() : first.value;
  if (hash !== hashIn(name)) throw notAsNamed(name, hash);
  const settled = await requests.send(
    { method: 'PUT', key: fileKey(name), headers: ifAbsent, body: bytes, bodyHash: hash },
    [200, 412],
  );
  // After a lost answer it may be our own that is in the way; either way it is there.
  return settled.answer.status === 200 || settled.inDoubt ? 'stored' : 'already';
}

async function uploadParts(
  requests: S3Requests,
  name: FileName,
  begun: readonly Part[],
  rest: AsyncIterable<Part>,
): Promise<'stored' | 'already'> {
  const key = fileKey(name);
  const created = await requests.send({ method: 'POST', key, query: { uploads: '' } }, [200]);
  const uploadId = elementIn(textIn(created.answer), 'UploadId');
  if (uploadId === null) throw failureIn(created.answer, `POST ${key}?uploads`);
  let completed = false;
  let failure: unknown = undefined;
  try {
    const tags: string[] = [];
    const whole = new Sha256();
    for await (const part of chained(begun, rest)) {
      if (tags.length === partCountMax) throw tooLarge(name, requests.place.config.partBytes);
      whole.update(part.bytes);
      tags.push(await uploadPart(requests, key, uploadId, tags.length + 1, part));
    }
    const found = hexOf(whole.digest());
    if (found !== hashIn(name)) throw notAsNamed(name, found);
    const outcome = await complete(requests, key, uploadId, tags);
    completed = outcome === 'stored';
    return outcome;
  } catch (cause) {
    failure = cause;
    throw cause;
  } finally {
    if (!completed) await abort(requests, key, uploadId, failure);
  }
}

/** Otherwise its parts would be kept, and paid for, until somebody finds them. */
async function abort(requests: S3Requests, key: string, uploadId: string, cause: unknown): Promise<void> {
  await requests.send({ method: 'DELETE', key, query: { uploadId } }, [204, 200, 404]).catch((error: unknown) => {
    throw new LockstepError('unknown', `an upload was given up and not aborted: ${String(error)}`, {
      cause: cause ?? error,
      values: { key, uploadId },
      advice: ['let the bucket end incomplete uploads by itself, by a lifecycle rule'],
    });
  });
}

async function uploadPart(
  requests: S3Requests,
  key: string,
  uploadId: string,
  partNumber: number,
  { bytes, hash }: Part,
): Promise<string> {
  const query = { partNumber: String(partNumber), uploadId };
  const { answer } = await requests.send({ method: 'PUT', key, query, body: bytes, bodyHash: hash }, [200]);
  const tag = answer.headers.get('etag');
  if (tag === null) throw failureIn(answer, `PUT ${key}, part ${partNumber}`);
  return tag;
}

async function complete(
  requests: S3Requests,
  key: string,
  uploadId: string,
  tags: readonly string[],
): Promise<'stored' | 'already'> {
  const parts = tags.map((tag, at) => `<Part><PartNumber>${at + 1}</PartNumber><ETag>${escapedXml(tag)}</ETag></Part>`);
  const body = new TextEncoder().encode(`<CompleteMultipartUpload>${parts.join('')}</CompleteMultipartUpload>`);
  const request = { method: 'POST', key, query: { uploadId }, headers: ifAbsent, body } as const;
  const { answer, inDoubt } = await requests.send(request, [200, 404, 412]);
  if (answer.status === 200) return 'stored';
  // No such upload: an attempt whose answer was lost has completed it, or somebody has aborted it.
  const there = await requests.send({ method: 'HEAD', key }, [200, 404]);
  if (there.answer.status === 200) return answer.status === 412 && !inDoubt ? 'already' : 'stored';
  throw failureIn(answer, `POST ${key}`);
}

/** The content cut into parts of this size; the last may be smaller. Hashed piece by piece as it comes. */
async function* partsOf(content: Content, partBytes: number): AsyncGenerator<Part, void> {
  let [pieces, byteCount, hash]: [Uint8Array[], number, Sha256] = [[], 0, new Sha256()];
  const part = (): Part => ({ bytes: joined(pieces, byteCount), hash: hexOf(hash.digest()) });
  for await (const piece of content) {
    for (let at = 0; at < piece.length;) {
      const taken = piece.subarray(at, at + partBytes - byteCount);
      pieces.push(taken);
      hash.update(taken);
      byteCount += taken.length;
      at += taken.length;
      if (byteCount < partBytes) continue;
      yield part();
      [pieces, byteCount, hash] = [[], 0, new Sha256()];
    }
  }
  if (byteCount > 0) yield part();
}

const emptyPart = (): Part => ({ bytes: new Uint8Array(0), hash: hexOf(new Sha256().digest()) });

async function* chained(begun: readonly Part[], rest: AsyncIterable<Part>): AsyncGenerator<Part, void> {
  yield* begun;
  yield* rest;
}

const escapedXml = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');

const notAsNamed = (name: FileName, found: string): LockstepError =>
  new LockstepError('corrupt', 'the content of a file is not what its name says', {
    values: { name, where: 'the content given to put', found },
  });

const tooLarge = (name: FileName, partBytes: number): LockstepError =>
  new LockstepError('invalid', 'a file has at most 10,000 parts', {
    values: { name, partBytes },
    advice: ['larger `partBytes` allow larger files'],
  });
