/**
 * A bucket of our own that speaks S3's protocol as far as `lockstep/checkpoint/s3` uses it, written from Amazon's API
 * reference and not from our client: signatures are verified by node:crypto, conditional writes, ranges, pages and
 * multipart uploads do what the reference says, errors are its XML. It is one function from request to response, so it
 * stands behind a real HTTP server (`s3.ts`) and in the simulator. It can be told to fail.
 */
import { createHash } from 'node:crypto';
import { signatureOf, type Secret } from './s3-signature.ts';

/** What goes wrong with one request: `before` it takes effect, or `after`, so that its answer is lost. */
export interface BucketFault {
  readonly when: 'before' | 'after';
  /** The status that is answered; 0: nothing, the connection breaks. */
  readonly status: number;
  readonly code: string;
}

export interface BucketOptions extends Secret {
  readonly bucket: string;
  readonly region: string;
  readonly now: () => number;
  /** Keys in a page of a list. */
  readonly pageCount: number;
  /** Smallest part but the last; 5 MiB in every real service. */
  readonly partBytesMin: number;
  /** Whether it heeds `If-Match` and `If-None-Match`; some services do not. */
  readonly heedsConditions: boolean;
}

/** Thrown instead of an answer: the connection is to break. */
export class NoAnswer extends Error {}

interface Stored {
  readonly bytes: Buffer;
  readonly tag: string;
}

interface Ask {
  readonly request: Request;
  readonly url: URL;
  readonly key: string;
  readonly body: Buffer;
}

export class Bucket {
  readonly options: BucketOptions;
  readonly objects: Map<string, Stored> = new Map();
  readonly uploads: Map<string, Map<number, Stored>> = new Map();
  /** Asked before each request; null: nothing goes wrong. */
  fault: (request: Request) => BucketFault | null = () => null;
  readonly asked: string[] = [];
  #uploadCount = 0;

  constructor(changes: Partial<BucketOptions> = {}) {
    this.options = {
      bucket: 'backups',
      region: 'eu-central-1',
      accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
      secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
      now: () => Date.now(),
      pageCount: 1_000,
      partBytesMin: 5 * 1024 * 1024,
      heedsConditions: true,
      ...changes,
    };
  }

  async answer(request: Request): Promise<Response> {
    const body = Buffer.from(await request.arrayBuffer());
    const url = new URL(request.url);
    this.asked.push(`${request.method} ${url.pathname}${url.search}`);
    const fault = this.fault(request);
    if (fault?.when === 'before') return failed(fault);
    const answer = this.#refusal(request, url, body) ?? this.#perform(request, url, body);
    return fault === null ? answer : failed(fault);
  }

  #refusal(request: Request, url: URL, body: Buffer): Response | null {
    const { bucket, region, now } = this.options;
    const sent = signatureOf(request, url, this.options, region);
    if (sent.kind === 'unknown key') return refused(403, 'InvalidAccessKeyId', 'The key id does not exist');
    if (sent.kind === 'wrong region') return refused(400, 'AuthorizationHeaderMalformed', `expecting '${region}'`);
    if (sent.kind === 'wrong') return refused(403, 'SignatureDoesNotMatch', 'The signature does not match');
    if (Math.abs(sent.signedAt - now()) > 15 * 60_000) {
      return refused(403, 'RequestTimeTooSkewed', 'The difference between the request time and the time is too large');
    }
    const hash = createHash('sha256').update(body).digest('hex');
    if (request.headers.get('x-amz-content-sha256') !== hash) {
      return refused(400, 'XAmzContentSHA256Mismatch', 'The provided x-amz-content-sha256 header does not match');
    }
    return url.pathname.startsWith(`/${bucket}/`) ? null : refused(404, 'NoSuchBucket', 'There is no such bucket');
  }

  #perform(request: Request, url: URL, body: Buffer): Response {
    const key = decodeURIComponent(url.pathname.slice(this.options.bucket.length + 2));
    const ask: Ask = { request, url, key, body };
    const query = url.searchParams;
    switch (request.method) {
      case 'GET':
        return key === '' ? this.#list(query) : this.#get(ask);
      case 'HEAD':
        return this.objects.has(key) ? new Response(null, { status: 200 }) : new Response(null, { status: 404 });
      case 'PUT':
        return query.has('uploadId') ? this.#putPart(ask, query) : this.#put(ask);
      case 'POST':
        return query.has('uploads') ? this.#createUpload(key) : this.#complete(ask, query);
      case 'DELETE':
        if (!query.has('uploadId')) this.objects.delete(key);
        else if (!this.uploads.delete(query.get('uploadId') ?? '')) return noUpload();
        return new Response(null, { status: 204 });
      default:
        return refused(405, 'MethodNotAllowed', request.method);
    }
  }

  #get({ request, key }: Ask): Response {
    const stored = this.objects.get(key);
    if (stored === undefined) return refused(404, 'NoSuchKey', 'The specified key does not exist.');
    const { bytes, tag } = stored;
    const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.get('range') ?? '');
    if (range === null) return new Response(Uint8Array.from(bytes), { status: 200, headers: { etag: tag } });
    const [from, to] = [Number(range[1]), Math.min(Number(range[2]), bytes.length - 1)];
    if (from >= bytes.length) return refused(416, 'InvalidRange', 'The requested range is not satisfiable');
    const headers = { etag: tag, 'content-range': `bytes ${from}-${to}/${bytes.length}` };
    return new Response(Uint8Array.from(bytes.subarray(from, to + 1)), { status: 206, headers });
  }

  #put({ request, key, body }: Ask): Response {
    const refusal = this.#conditionOf(request, key);
    if (refusal !== null) return refusal;
    const stored = storedOf(body);
    this.objects.set(key, stored);
    return new Response(null, { status: 200, headers: { etag: stored.tag } });
  }

  #conditionOf(request: Request, key: string): Response | null {
    if (!this.options.heedsConditions) return null;
    const [match, noneMatch] = [request.headers.get('if-match'), request.headers.get('if-none-match')];
    const stored = this.objects.get(key);
    if (match !== null && stored === undefined) return refused(404, 'NoSuchKey', 'The key does not exist.');
    const fails = (match !== null && stored?.tag !== match) || (noneMatch === '*' && stored !== undefined);
    return fails ? refused(412, 'PreconditionFailed', 'At least one of the preconditions did not hold') : null;
  }

  #list(query: URLSearchParams): Response {
    const [prefix, after] = [query.get('prefix') ?? '', query.get('continuation-token') ?? ''];
    const keys = [...this.objects.keys()].filter((key) => key.startsWith(prefix) && key > after).toSorted();
    const page = keys.slice(0, this.options.pageCount);
    const truncated = page.length < keys.length;
    const contents = page.map((key) => {
      const { bytes, tag } = this.objects.get(key) as Stored;
      const escapedTag = tag.replaceAll('"', '&quot;');
      return `<Contents><Key>${key}</Key><ETag>${escapedTag}</ETag><Size>${bytes.length}</Size></Contents>`;
    });
    const next = truncated ? `<NextContinuationToken>${page.at(-1)}</NextContinuationToken>` : '';
    const xml = `<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><IsTruncated>${truncated}</IsTruncated>${next}${contents.join('')}</ListBucketResult>`;
    return new Response(xml, { status: 200 });
  }

  #createUpload(key: string): Response {
    const uploadId = `upload-${++this.#uploadCount}`;
    this.uploads.set(uploadId, new Map());
    const xml = `<InitiateMultipartUploadResult><Key>${key}</Key><UploadId>${uploadId}</UploadId></InitiateMultipartUploadResult>`;
    return new Response(xml, { status: 200 });
  }

  #putPart({ body }: Ask, query: URLSearchParams): Response {
    const upload = this.uploads.get(query.get('uploadId') ?? '');
    if (upload === undefined) return noUpload();
    const stored = storedOf(body);
    upload.set(Number(query.get('partNumber')), stored);
    return new Response(null, { status: 200, headers: { etag: stored.tag } });
  }

  #complete({ request, key, body }: Ask, query: URLSearchParams): Response {
    const uploadId = query.get('uploadId') ?? '';
    const upload = this.uploads.get(uploadId);
    if (upload === undefined) return noUpload();
    const refusal = this.#conditionOf(request, key);
    if (refusal !== null) return refusal;
    const named = [...body.toString().matchAll(/<PartNumber>(\d+)<\/PartNumber><ETag>(.*?)<\/ETag>/g)];
    const parts = named.map(([, number]) => upload.get(Number(number)));
    if (parts.some((part, at) => part === undefined || part.tag !== named[at]?.[2])) {
      return refused(400, 'InvalidPart', 'One or more of the specified parts could not be found');
    }
    const bytes = (parts as Stored[]).map((part) => part.bytes);
    if (bytes.slice(0, -1).some((part) => part.length < this.options.partBytesMin)) {
      return refused(400, 'EntityTooSmall', 'Your proposed upload is smaller than the minimum allowed size');
    }
    this.objects.set(key, storedOf(Buffer.concat(bytes)));
    this.uploads.delete(uploadId);
    return new Response('<CompleteMultipartUploadResult></CompleteMultipartUploadResult>', { status: 200 });
  }
}

const storedOf = (bytes: Buffer): Stored => ({
  bytes,
  tag: `"${createHash('md5').update(bytes).digest('hex')}"`,
});

const noUpload = (): Response => refused(404, 'NoSuchUpload', 'The specified upload does not exist');

function refused(status: number, code: string, message: string): Response {
  const xml = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${message}</Message></Error>`;
  return new Response(xml, { status });
}

function failed({ status, code }: BucketFault): Response {
  if (status === 0) throw new NoAnswer(code);
  return refused(status, code, 'as it was told to');
}
