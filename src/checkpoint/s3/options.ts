/** Where a bucket is and how it is reached. Plain data, checked once. */
import type { Clock } from '../../env/clock.ts';
import type { Fetch } from '../../env/fetch.ts';
import type { Randomness } from '../../env/randomness.ts';
import type { Timers } from '../../env/timers.ts';
import { LockstepError } from '../../kernel/errors.ts';

/** What it asks of a world; an `Env` is one. */
export interface S3Ports {
  readonly fetch: Fetch;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly randomness: Randomness;
}

export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Of temporary credentials. */
  readonly sessionToken?: string | undefined;
}

export interface S3Options {
  /** Where the service is, without the bucket: `https://s3.eu-central-1.amazonaws.com`, `http://127.0.0.1:9000`. */
  readonly endpoint: string;
  /** Which its requests are signed for. Many services other than Amazon's take any, `us-east-1` mostly. */
  readonly region: string;
  readonly bucket: string;
  /** What all keys begin with: empty, or ending with `/`. One store a prefix. Default empty. */
  readonly prefix?: string | undefined;
  /** As they are, or asked for before each request, for those that expire. */
  readonly credentials: S3Credentials | (() => Promise<S3Credentials>);
  /** Whether the bucket stands in the path or before the host. Default `path`. */
  readonly addressing?: 'path' | 'host' | undefined;
  readonly config?: Partial<S3Config> | undefined;
}

export interface S3Config {
  /**
   * A file of more bytes is uploaded in parts of this size (at most 10,000 of them: 80 GiB), and files are read in
   * ranges of this size. So much memory a put and a get hold. 5 MiB to 5 GiB, services demand that. Default 8 MiB.
   */
  readonly partBytes: number;
  /** A request that has not answered after this is sent again, in milliseconds. At most `settleMsMax`. Default 30,000. */
  readonly attemptMsMax: number;
  /** A request is given up after this, all attempts included: the deadline of a doubt. Default 120,000. */
  readonly settleMsMax: number;
}

export const s3Defaults: S3Config = Object.freeze({
  partBytes: 8 * 1024 * 1024,
  attemptMsMax: 30_000,
  settleMsMax: 120_000,
});

/** The smallest part that services take, but for the last. */
export const partBytesMin: number = 5 * 1024 * 1024;
export const partCountMax = 10_000;

export interface S3Place {
  readonly origin: string;
  /** What paths begin with: `/bucket`, or nothing. */
  readonly base: string;
  readonly region: string;
  readonly bucket: string;
  readonly prefix: string;
  readonly credentials: () => Promise<S3Credentials>;
  readonly config: S3Config;
}

/** @throws LockstepError `misuse` for options that are none, or that do not agree. */
export function placeOf(options: S3Options): S3Place {
  const { bucket, region, prefix = '', addressing = 'path', credentials } = options;
  const endpoint = URL.canParse(options.endpoint) ? new URL(options.endpoint) : null;
  if (
    endpoint === null ||
    !/^https?:$/.test(endpoint.protocol) ||
    endpoint.pathname !== '/' ||
    endpoint.search !== ''
  ) {
    throw refused('the endpoint of a bucket is an http or https address without a path', {
      endpoint: options.endpoint,
    });
  }
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket)) throw refused('this is not the name of a bucket', { bucket });
  if (!/^(?:[A-Za-z0-9._-]+\/)*$/.test(prefix)) {
    throw refused('a prefix is words of A-Z, a-z, 0-9, `.`, `_` and `-`, each followed by `/`', { prefix });
  }
  if (!/^[a-z0-9-]+$/.test(region)) throw refused('this is not the name of a region', { region });
  const host = addressing === 'host' ? `${bucket}.${endpoint.host}` : endpoint.host;
  return Object.freeze({
    origin: `${endpoint.protocol}//${host}`,
    base: addressing === 'host' ? '' : `/${bucket}`,
    region,
    bucket,
    prefix,
    credentials: typeof credentials === 'function' ? credentials : async () => credentials,
    config: configOf(options.config),
  });
}

function configOf(changes: Partial<S3Config> = {}): S3Config {
  const config = { ...s3Defaults, ...changes };
  for (const [name, value] of Object.entries(config)) {
    if (!(Number.isSafeInteger(value) && value > 0)) throw refused('a setting is a whole number', { [name]: value });
  }
  const { partBytes, attemptMsMax, settleMsMax } = config;
  if (partBytes < partBytesMin || partBytes > 5 * 1024 ** 3) {
    throw refused('a part has 5 MiB to 5 GiB', { partBytes });
  }
  if (attemptMsMax > settleMsMax) throw refused('an attempt ends before its deadline', { attemptMsMax, settleMsMax });
  return Object.freeze(config);
}

const refused = (what: string, values: Readonly<Record<string, string | number>>): LockstepError =>
  new LockstepError('misuse', what, { values });
