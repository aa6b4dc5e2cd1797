/**
 * The store in a bucket: the port over requests. Keys below the prefix: `files/NAME`, and `pointer`, an object that is
 * replaced on the condition that it has the ETag it was read with.
 */
import { LockstepError } from '../../kernel/errors.ts';
import { pieceBytes, verified } from '../content.ts';
import { fileName, isFileName, type FileName } from '../file-name.ts';
import {
  decodePointer,
  encodePointer,
  fateOf,
  nextRecord,
  pointerOf,
  randomToken,
  samePlace,
  type PointerRecord,
} from '../pointer.ts';
import type { CheckpointStore, Content, Pointer, PointOutcome, StoredContent, StoredFile } from '../port.ts';
import { codeIn, elementIn, elementsIn, failureIn, textIn, type S3Answer } from './answers.ts';
import type { S3Place, S3Ports } from './options.ts';
import { S3Requests, type Settled } from './requests.ts';
import { fileKey, upload } from './upload.ts';

/** Tries first whether the bucket keeps its word on conditional writes, with an object that it removes again. */
export async function openBucket(ports: S3Ports, place: S3Place): Promise<CheckpointStore> {
  const requests = await S3Requests.open(ports, place);
  await tryConditions(requests, `probe-${randomToken(ports.randomness)}`);
  return new S3Checkpoints(ports, requests);
}

const pointerKey = 'pointer';

async function tryConditions(requests: S3Requests, key: string): Promise<void> {
  const put = (headers: Readonly<Record<string, string>>): Promise<Settled> =>
    requests.send({ method: 'PUT', key, headers, body: new TextEncoder().encode(key) }, [200, 412]);
  const first = await put({ 'if-none-match': '*' });
  const kept = [await put({ 'if-none-match': '*' }), await put({ 'if-match': '"0123456789abcdef0123456789abcdef"' })];
  await requests.send({ method: 'DELETE', key }, [204, 200, 404]);
  const wrong = first.answer.status === 412 && !first.inDoubt;
  if (!wrong && kept.every(({ answer }) => answer.status === 412)) return;
  throw new LockstepError('invalid', 'this service ignores the conditions of conditional writes', {
    values: { bucket: requests.place.bucket, endpoint: requests.place.origin },
    advice: [
      'two nodes could move the pointer at once: take a service, or a version of it, that checks If-Match on PUT',
    ],
  });
}

interface Found {
  readonly record: PointerRecord;
  readonly tag: string;
}

class S3Checkpoints implements CheckpointStore {
  readonly #ports: S3Ports;
  readonly #requests: S3Requests;

  constructor(ports: S3Ports, requests: S3Requests) {
    this.#ports = ports;
    this.#requests = requests;
  }

  async *list(): AsyncGenerator<readonly StoredFile[], void> {
    const prefix = `${this.#requests.place.prefix}files/`;
    let token: string | null = null;
    do {
      const query = { 'list-type': '2', prefix, ...(token === null ? {} : { 'continuation-token': token }) };
      const { answer }: Settled = await this.#requests.send({ method: 'GET', key: null, query }, [200]);
      const xml = textIn(answer);
      const files = elementsIn(xml, 'Contents').flatMap((one) => storedFile(one, prefix));
      if (files.length > 0) yield files;
      token = elementIn(xml, 'IsTruncated') === 'true' ? elementIn(xml, 'NextContinuationToken') : null;
    } while (token !== null);
  }

  async put(name: FileName, content: Content): Promise<'stored' | 'already'> {
    if (await this.#isThere(fileName(name))) return 'already';
    return upload(this.#requests, name, content);
  }

  async get(name: FileName): Promise<StoredContent | null> {
    const first = await this.#range(fileName(name), 0);
    if (first === null) return null;
    return {
      byteCount: first.byteCount,
      content: verified(name, this.#ranges(name, first), `bucket ${this.#requests.place.bucket}`),
    };
  }

  async remove(name: FileName): Promise<void> {
    await this.#requests.send({ method: 'DELETE', key: fileKey(fileName(name)) }, [204, 200, 404]);
  }

  async pointer(): Promise<Pointer | null> {
    return pointerOf((await this.#found())?.record ?? null);
  }

  async point(to: FileName, ifWas: Pointer | null): Promise<PointOutcome> {
    if (!(await this.#isThere(fileName(to)))) {
      throw new LockstepError('misuse', 'the pointer leads to a file that is there', { values: { to } });
    }
    const was = await this.#found();
    const wasRecord = was?.record ?? null;
    if (!samePlace(wasRecord, ifWas)) return { kind: 'conflict', is: pointerOf(wasRecord) };
    const move = nextRecord(this.#ports.randomness, wasRecord, to);
    const headers = was === null ? { 'if-none-match': '*' } : { 'if-match': was.tag };
    const put = this.#requests.send(
      { method: 'PUT', key: pointerKey, headers, body: encodePointer(move) },
      [200, 404, 412],
    );
    const doubt = await put.then(
      ({ answer }) => refusalIn(answer),
      (error: unknown) => ({ error }),
    );
    return doubt === null ? movedBy(move) : this.#settled(move, doubt);
  }

  /** Refused, or in doubt: the pointer itself says which move it was. */
  async #settled(move: PointerRecord, doubt: Doubt): Promise<PointOutcome> {
    const now = (await this.#found())?.record ?? null;
    const fate = fateOf(move, now);
    if (fate === 'moved') return movedBy(move);
    // Where nothing has moved since, a request that is still under way may do so later.
    const settled = fate === 'not moved' && (doubt === 'refused' || (now?.number ?? 0) >= move.number);
    if (settled) return { kind: 'conflict', is: pointerOf(now) };
    if (doubt !== 'refused') throw doubt.error;
    throw new LockstepError('unknown', 'the pointer was moved so often meanwhile that this move is forgotten', {
      values: { number: move.number, newest: now?.number ?? 0 },
    });
  }

  async #found(): Promise<Found | null> {
    const { answer } = await this.#requests.send({ method: 'GET', key: pointerKey }, [200, 404]);
    if (isAbsent(answer, pointerKey)) return null;
    const tag = answer.headers.get('etag');
    if (tag === null) throw failureIn(answer, `GET ${pointerKey}`);
    return { record: decodePointer(answer.body, `${this.#requests.place.bucket}/${pointerKey}`), tag };
  }

  async #isThere(name: FileName): Promise<boolean> {
    const { answer } = await this.#requests.send({ method: 'HEAD', key: fileKey(name) }, [200, 404]);
    return answer.status === 200;
  }

  async *#ranges(name: FileName, first: Range): AsyncGenerator<Uint8Array, void> {
    const { byteCount } = first;
    let [range, from]: [Range | null, number] = [first, 0];
    while (range !== null) {
      const { bytes } = range;
      for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
      from += bytes.length;
      if (from >= byteCount) return;
      range = await this.#range(name, from);
      if (range?.bytes.length === 0) return; // cut short: the hash will tell
    }
    throw new LockstepError('unavailable', 'the file was removed while it was read', { values: { name } });
  }

  /** As many bytes as a part has, from here on; null if there is no such file. */
  async #range(name: FileName, from: number): Promise<Range | null> {
    const headers = { range: `bytes=${from}-${from + this.#requests.place.config.partBytes - 1}` };
    const { answer } = await this.#requests.send({ method: 'GET', key: fileKey(name), headers }, [200, 206, 404, 416]);
    if (isAbsent(answer, fileKey(name))) return null;
    if (answer.status === 416) return { bytes: new Uint8Array(0), byteCount: 0 }; // an empty file has no ranges
    if (answer.status === 200) return { bytes: answer.body.subarray(from), byteCount: answer.body.length };
    const byteCount = Number(/\/(\d+)$/.exec(answer.headers.get('content-range') ?? '')?.[1]);
    if (!Number.isSafeInteger(byteCount)) throw failureIn(answer, `GET ${fileKey(name)}, a range`);
    return { bytes: answer.body, byteCount };
  }
}

interface Range {
  readonly bytes: Uint8Array;
  /** Of the whole file. */
  readonly byteCount: number;
}

type Doubt = 'refused' | { readonly error: unknown };

function refusalIn(answer: S3Answer): Doubt | null {
  if (answer.status === 404 && codeIn(answer) === 'NoSuchBucket') throw failureIn(answer, `PUT ${pointerKey}`);
  return answer.status === 200 ? null : 'refused';
}

const movedBy = ({ to, number, token }: PointerRecord): PointOutcome => ({
  kind: 'moved',
  pointer: { to, number, token },
});

/** There is no such object; no such bucket is another matter. */
function isAbsent(answer: S3Answer, key: string): boolean {
  if (answer.status !== 404) return false;
  if (codeIn(answer) === 'NoSuchBucket') throw failureIn(answer, `GET ${key}`);
  return true;
}

/** What is not ours below the prefix is left alone. */
function storedFile(contents: string, prefix: string): readonly StoredFile[] {
  const name = (elementIn(contents, 'Key') ?? '').slice(prefix.length);
  return isFileName(name) ? [{ name, byteCount: Number(elementIn(contents, 'Size')) }] : [];
}
