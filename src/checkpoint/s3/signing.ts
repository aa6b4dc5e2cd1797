/**
 * Signatures of requests (AWS Signature Version 4), by the library of the AWS SDK's authors over our own SHA-256 and
 * the env's clock, so that a signed request is a function of its content and its time: the simulator runs it as it is.
 */
import { HmacSha256, Sha256 } from '../../bytes/sha256.ts';
import type { Clock } from '../../env/clock.ts';
import { LockstepError } from '../../kernel/errors.ts';
import type { S3Place } from './options.ts';

export interface Signable {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
}

/** The headers to send, with those that the signature adds. */
export type Signer = (request: Signable) => Promise<Readonly<Record<string, string>>>;

/** @throws LockstepError `misuse` when the library is not installed. */
export async function signerOf(place: S3Place, clock: Clock): Promise<Signer> {
  const { SignatureV4, clearCredentialCache } = await import('@smithy/signature-v4').catch((cause: unknown) => {
    throw new LockstepError('misuse', 'requests to a bucket are signed by a package that is not installed', {
      cause,
      advice: ['npm install @smithy/signature-v4'],
    });
  });
  const { region, credentials, origin } = place;
  const { protocol, host, hostname } = new URL(origin);
  const signer = new SignatureV4({
    service: 's3',
    region,
    credentials: async () => {
      const { accessKeyId, secretAccessKey, sessionToken } = await credentials();
      return { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) };
    },
    sha256: SigningHash,
    uriEscapePath: false, // as S3 alone has it
  });
  return async ({ method, path, query, headers }) => {
    clearCredentialCache(); // the library's own, of the module: with it a run would not be like the one before
    const signed = await signer.sign(
      { method, protocol, hostname, path, query: { ...query }, headers: { ...headers, host } },
      { signingDate: new Date(clock.wall()) },
    );
    return Object.fromEntries(Object.entries(signed.headers).filter(([name]) => name !== 'host')); // fetch sends that by itself
  };
}

/** The library's shape of a hash, keyed or not. */
class SigningHash {
  readonly #hash: Sha256 | HmacSha256;

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash = secret === undefined ? new Sha256() : new HmacSha256(viewOf(secret));
  }

  update(data: string | ArrayBuffer | ArrayBufferView): void {
    this.#hash.update(viewOf(data));
  }

  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }

  reset(): never {
    throw new LockstepError('misuse', 'a hash of a signature is made anew, not reset');
  }
}

function viewOf(data: string | ArrayBuffer | ArrayBufferView): Uint8Array {
  if (typeof data === 'string') return new TextEncoder().encode(data);
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
}
