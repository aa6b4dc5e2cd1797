/** The verifier of the test server against the examples of Amazon's documentation, and our signer against both. */
import { expect, test } from 'vitest';
import { wallTime, instant } from '../../src/kernel/time.ts';
import { placeOf } from '../../src/checkpoint/s3/options.ts';
import { signerOf } from '../../src/checkpoint/s3/signing.ts';
import { signatureOf } from './s3-signature.ts';

const secret = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' };
const at = Date.UTC(2013, 4, 24);
const emptyHash = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
const host = 'examplebucket.s3.amazonaws.com';
const date = '20130524T000000Z';

/** "Signature Calculations for the Authorization Header", GET object and GET bucket (list objects). */
const examples = [
  {
    path: '/test.txt',
    query: {},
    headers: { range: 'bytes=0-9' },
    signed: 'host;range;x-amz-content-sha256;x-amz-date',
    signature: 'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
  },
  {
    path: '/',
    query: { 'max-keys': '2', prefix: 'J' },
    headers: {},
    signed: 'host;x-amz-content-sha256;x-amz-date',
    signature: '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
  },
];

function urlOf({ path, query }: (typeof examples)[number]): URL {
  const url = new URL(`https://${host}${path}`);
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, String(value));
  return url;
}

test.each(examples)('the signature that Amazon gives for $path is right, any other wrong', (example) => {
  const url = urlOf(example);
  const verdict = (signature: string): string => {
    const authorization = `AWS4-HMAC-SHA256 Credential=${secret.accessKeyId}/20130524/us-east-1/s3/aws4_request,SignedHeaders=${example.signed},Signature=${signature}`;
    const headers = { ...example.headers, authorization, 'x-amz-content-sha256': emptyHash, 'x-amz-date': date };
    return signatureOf(new Request(url, { headers }), url, secret, 'us-east-1').kind;
  };
  expect(verdict(example.signature)).toBe('right');
  expect(verdict(example.signature.replace(/^./, '0').replace(/.$/, '0'))).toBe('wrong');
});

test.each(examples)('our signer gives the signature that Amazon gives for $path', async (example) => {
  const place = placeOf({
    endpoint: 'https://s3.amazonaws.com',
    addressing: 'host',
    bucket: 'examplebucket',
    region: 'us-east-1',
    credentials: secret,
  });
  const sign = await signerOf(place, { now: () => instant(0), wall: () => wallTime(at) });
  const headers = await sign({
    method: 'GET',
    path: example.path,
    query: Object.fromEntries(Object.entries(example.query).map(([name, value]) => [name, String(value)])),
    headers: { ...example.headers, 'x-amz-content-sha256': emptyHash },
  });
  expect(headers['authorization']).toContain(`SignedHeaders=${example.signed}, Signature=${example.signature}`);
});
