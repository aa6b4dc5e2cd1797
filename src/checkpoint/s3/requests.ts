/**
 * Requests to a bucket, each signed, tried again while that can help, and ended by a deadline. Nothing is sent in a
 * stream: what a request holds is in memory, so that it can be sent again and its length and hash stand in its head.
 */
import { hexOf, Sha256 } from '../../bytes/sha256.ts';
import { isLockstepError, LockstepError } from '../../kernel/errors.ts';
import { logDefaults } from '../../log/config.ts';
import { Attempts, isPassing } from '../../log/within.ts';
import { codeIn, failureIn, type S3Answer } from './answers.ts';
import type { S3Place, S3Ports } from './options.ts';
import { signerOf, type Signer } from './signing.ts';

export interface S3Request {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  /** Below the prefix; null for the bucket itself. */
  readonly key: string | null;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array<ArrayBuffer>;
  /** SHA-256 of the body, where it is known already. */
  readonly bodyHash?: string;
}

export interface Settled {
  readonly answer: S3Answer;
  /** An earlier attempt may have had its effect already. */
  readonly inDoubt: boolean;
}

export class S3Requests {
  readonly place: S3Place;
  readonly #ports: S3Ports;
  readonly #sign: Signer;

  private constructor(ports: S3Ports, place: S3Place, sign: Signer) {
    this.#ports = ports;
    this.place = place;
    this.#sign = sign;
  }

  static async open(ports: S3Ports, place: S3Place): Promise<S3Requests> {
    return new S3Requests(ports, place, await signerOf(place, ports.clock));
  }

  /**
   * Sends it until it has an answer with one of these statuses.
   * @throws LockstepError what `failureIn` says of any other; at the deadline `unknown` for a request that changes
   * something and may have, otherwise `unavailable` or `overloaded`.
   */
  async send(request: S3Request, statuses: readonly number[]): Promise<Settled> {
    const asked = `${request.method} ${request.key ?? ''}`;
    const changes = request.method !== 'GET' && request.method !== 'HEAD';
    const bodyHash = request.bodyHash ?? hexOf(new Sha256().update(request.body ?? new Uint8Array(0)).digest());
    const attempts = new Attempts(this.#ports, { ...logDefaults, ...this.place.config });
    let last: unknown = undefined;
    for (;;) {
      const answer = await attempts
        .once(async (signal) => {
          const answered = await this.#exchange(request, bodyHash, signal);
          if (statuses.includes(answered.status) && !failsLate(request, answered)) return answered;
          throw (last = failureIn(answered, asked));
        })
        .catch((cause: unknown) => {
          if (!changes || !attempts.inDoubt || isPassing(cause)) throw cause;
          throw new LockstepError('unknown', 'an earlier attempt may have succeeded', { cause, values: { asked } });
        });
      if (answer !== null) return { answer, inDoubt: attempts.inDoubt };
      if (attempts.leftMs > 0) continue;
      if (changes && attempts.inDoubt) throw attempts.failure(asked, 'unknown');
      throw isLockstepError(last, 'overloaded') ? last : attempts.failure(asked, 'unavailable');
    }
  }

  async #exchange(request: S3Request, bodyHash: string, signal: AbortSignal): Promise<S3Answer> {
    const { origin, base, prefix } = this.place;
    const { method, key, query = {}, body } = request;
    const path = key === null ? `${base}/` : `${base}/${prefix}${key}`;
    const headers = await this.#sign({
      method,
      path,
      query,
      headers: { ...request.headers, 'x-amz-content-sha256': bodyHash },
    });
    const search = Object.entries(query).map(([name, value]) => `${escaped(name)}=${escaped(value)}`);
    const url = `${origin}${path}${search.length === 0 ? '' : '?'}${search.join('&')}`;
    try {
      const response = await this.#ports.fetch(url, {
        method,
        headers: { ...headers },
        signal,
        redirect: 'manual', // a signature is for one host
        ...(body === undefined ? {} : { body }),
      });
      return {
        status: response.status,
        headers: response.headers,
        body: new Uint8Array(await response.arrayBuffer()),
      };
    } catch (cause) {
      // How the web says that nobody answered, or that the answer broke off; a late one is nobody's.
      if (!(cause instanceof TypeError)) throw cause;
      throw new LockstepError('unknown', 'the bucket did not answer', { cause, values: { asked: `${method} ${url}` } });
    }
  }
}

/** Of a request that takes long, 200 is said before the work is done; what came of it stands in the body. */
const failsLate = ({ method }: S3Request, answer: S3Answer): boolean =>
  method === 'POST' && answer.status === 200 && codeIn(answer) !== '';

const escaped = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);
