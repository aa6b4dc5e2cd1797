/**
 * What a bucket answered, in our words. Its errors are a status and a small XML document with a code; what is not
 * listed here is `rejected`, with all that it said.
 */
import { LockstepError, type ErrorKind } from '../../kernel/errors.ts';

export interface S3Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Uint8Array<ArrayBuffer>;
}

interface Meaning {
  readonly kind: ErrorKind;
  readonly advice: readonly string[];
}

const meanings: Readonly<Record<string, Meaning>> = {
  AccessDenied: {
    kind: 'rejected',
    advice: [
      'the policy must allow s3:GetObject, s3:PutObject, s3:DeleteObject, s3:ListBucket, s3:AbortMultipartUpload',
    ],
  },
  InvalidAccessKeyId: { kind: 'rejected', advice: ['check the access key id: the service does not know it'] },
  SignatureDoesNotMatch: {
    kind: 'rejected',
    advice: ['check the secret access key and the region; a proxy between must not change path or headers'],
  },
  ExpiredToken: { kind: 'rejected', advice: ['give `credentials` as a function that asks for fresh ones'] },
  InvalidToken: { kind: 'rejected', advice: ['check the session token of the credentials'] },
  RequestTimeTooSkewed: {
    kind: 'rejected',
    advice: ["this machine's clock and the service's differ by more than 15 minutes: set the clock (NTP)"],
  },
  NoSuchBucket: { kind: 'invalid', advice: ['create the bucket, or correct its name, endpoint or region'] },
  PermanentRedirect: { kind: 'invalid', advice: ['the bucket is at another endpoint: correct endpoint and region'] },
  AuthorizationHeaderMalformed: { kind: 'invalid', advice: ['the region is mostly wrong: take that of the bucket'] },
  NotImplemented: {
    kind: 'invalid',
    advice: ['the service lacks conditional writes (`If-None-Match`, `If-Match`); without them no pointer is safe'],
  },
  SlowDown: { kind: 'overloaded', advice: [] },
  TooManyRequests: { kind: 'overloaded', advice: [] },
  RequestTimeout: { kind: 'unavailable', advice: [] },
  OperationAborted: { kind: 'unavailable', advice: [] },
  ConditionalRequestConflict: { kind: 'unavailable', advice: [] },
  EntityTooLarge: { kind: 'invalid', advice: ['larger `partBytes` allow larger files'] },
  XMinioStorageFull: { kind: 'disk-full', advice: ['free space where the bucket is kept'] },
  InsufficientStorage: { kind: 'disk-full', advice: ['free space where the bucket is kept'] },
};

/** For answers without a code that is known: those to HEAD have no body. */
function meaningOf(status: number): Meaning {
  if (status === 403) return { kind: 'rejected', advice: meanings['AccessDenied']?.advice ?? [] };
  if (status === 301 || status === 307) return { kind: 'invalid', advice: meanings['PermanentRedirect']?.advice ?? [] };
  if (status === 429 || status === 503) return { kind: 'overloaded', advice: [] };
  if (status === 408 || status === 409) return { kind: 'unavailable', advice: [] };
  // It failed somewhere within, before the request took effect or after; a long request may have said 200 before that.
  if (status >= 500 || status < 300) return { kind: 'unknown', advice: [] };
  return { kind: 'rejected', advice: ['look the code up in the documentation of the service'] };
}

/** Values that help to find the cause: what was asked, what was answered. */
export function failureIn(answer: S3Answer, asked: string): LockstepError {
  const xml = textIn(answer);
  const code = elementIn(xml, 'Code') ?? '';
  const { kind, advice } = meanings[code] ?? meaningOf(answer.status);
  return new LockstepError(kind, 'the bucket refused', {
    values: {
      asked,
      status: answer.status,
      ...(code === '' ? {} : { code }),
      message: (elementIn(xml, 'Message') ?? '').slice(0, 300),
      requestId: answer.headers.get('x-amz-request-id') ?? '',
      itsTime: answer.headers.get('date') ?? '',
      itsRegion: answer.headers.get('x-amz-bucket-region') ?? '',
    },
    advice,
  });
}

export const codeIn = (answer: S3Answer): string => elementIn(textIn(answer), 'Code') ?? '';

export const textIn = ({ body }: S3Answer): string => new TextDecoder().decode(body);

/** The text of the first element of this name; null if there is none. Enough for documents without attributes or nesting of a name. */
export function elementIn(xml: string, name: string): string | null {
  return elementsIn(xml, name)[0] ?? null;
}

export function elementsIn(xml: string, name: string): readonly string[] {
  const found = xml.matchAll(new RegExp(`<${name}(?:\\s[^>]*)?>([\\s\\S]*?)</${name}>`, 'g'));
  return Array.from(found, ([, text = '']) => unescaped(text));
}

const entities: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' };

const unescaped = (text: string): string =>
  text.replace(
    /&(?:#(\d+)|#x([0-9a-fA-F]+)|(lt|gt|quot|apos|amp));/g,
    (_, decimal?: string, hex?: string, name = '') =>
      name === ''
        ? String.fromCodePoint(hex === undefined ? Number(decimal) : parseInt(hex, 16))
        : (entities[name] ?? ''),
  );
