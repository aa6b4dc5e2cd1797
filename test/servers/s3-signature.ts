/**
 * AWS Signature Version 4 from the side of the service, by node:crypto and Amazon's description ("Authenticating
 * Requests: Using the Authorization Header"): what the signature of a request should be, compared with the one it has.
 */
import { createHash, createHmac } from 'node:crypto';

export interface Secret {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

export type SignatureVerdict =
  | { readonly kind: 'right'; readonly signedAt: number }
  | { readonly kind: 'wrong' }
  | { readonly kind: 'unknown key' }
  | { readonly kind: 'wrong region' };

const shape =
  /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/;

export function signatureOf(request: Request, url: URL, secret: Secret, region: string): SignatureVerdict {
  const [, keyId, date = '', itsRegion, signed = '', signature] =
    shape.exec(request.headers.get('authorization') ?? '') ?? [];
  if (keyId !== secret.accessKeyId) return { kind: 'unknown key' };
  if (itsRegion !== region) return { kind: 'wrong region' };
  const names = signed.split(';');
  const at = request.headers.get('x-amz-date') ?? '';
  const mustBeSigned = [...request.headers.keys(), 'host'].filter(
    (name) => name === 'host' || name.startsWith('x-amz-'),
  );
  if (mustBeSigned.some((name) => !names.includes(name)) || !at.startsWith(date)) return { kind: 'wrong' };
  const query = [...url.searchParams].map(([name, value]) => `${escaped(name)}=${escaped(value)}`).toSorted();
  const headers = names.map((name) => `${name}:${(name === 'host' ? url.host : request.headers.get(name))?.trim()}\n`);
  const canonical = [
    request.method,
    url.pathname,
    query.join('&'),
    headers.join(''),
    signed,
    request.headers.get('x-amz-content-sha256'),
  ].join('\n');
  const scope = `${date}/${region}/s3/aws4_request`;
  const toSign = ['AWS4-HMAC-SHA256', at, scope, createHash('sha256').update(canonical).digest('hex')].join('\n');
  const keyed = (key: Buffer | string, text: string): Buffer => createHmac('sha256', key).update(text).digest();
  const steps = [date, region, 's3', 'aws4_request'];
  const key = steps.reduce<Buffer | string>((before, step) => keyed(before, step), `AWS4${secret.secretAccessKey}`);
  if (keyed(key, toSign).toString('hex') !== signature) return { kind: 'wrong' };
  return { kind: 'right', signedAt: Date.parse(at.replace(/^(....)(..)(..)T(..)(..)(..)Z$/, '$1-$2-$3T$4:$5:$6Z')) };
}

const escaped = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);
