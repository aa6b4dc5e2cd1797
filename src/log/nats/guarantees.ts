/** What JetStream's acknowledgement is worth, and which servers are taken. Pure. */
import { LockstepError } from '../../kernel/errors.ts';
import type { Guarantees } from '../port.ts';
import { recordHeaderBytesMax } from '../record.ts';

/** Of the message that carries a record: `NATS/1.0`, the one header with its number, line ends. */
const messageHeaderBytes = 64;
/** What a server takes unless it is told otherwise. */
export const maxPayloadDefault = 1_048_576;
/** More than this is more than the makers of NATS advise. */
const payloadBytesCeiling: number = 8 * 1_048_576;

export const replicaCounts = [1, 3, 5] as const;
export type Replicas = (typeof replicaCounts)[number];

const lazily =
  'JetStream acknowledges before it syncs (within 2 minutes, unless servers from 2.10 have `sync_interval: always`)';

/**
 * A server that wakes after others were elected keeps what it had proposed in the place of what they agreed on, and is
 * counted and elected as if it had that (pull requests 5957 and 6073 of nats-server; seen on 2.9.10 and 2.9.25).
 */
const agreesSince: readonly number[] = [2, 10, 23];

/** `maxPayload`: the server's largest message, in bytes. `version`: the server's; by default one without a known fault. */
export function natsGuarantees(
  replicas: Replicas,
  maxPayload: number = maxPayloadDefault,
  version: string | null = null,
): Guarantees {
  const largest = Math.min(maxPayload, payloadBytesCeiling);
  const payloadBytesMax = largest - messageHeaderBytes - recordHeaderBytesMax;
  if (replicas === 1)
    return Object.freeze({
      survives: 'process',
      failoverKeepsAcknowledged: null,
      payloadBytesMax,
      because: `${lazily}: its server may be killed, but a loss of power loses what was not synced`,
    });
  const agrees = version === null || compare(numbersOf(version), agreesSince) >= 0;
  return Object.freeze({
    survives: 'minority',
    failoverKeepsAcknowledged: agrees,
    payloadBytesMax,
    because:
      `a majority of ${replicas} servers has written it; ${lazily}: if a majority loses power within that time, or ` +
      'one server does and comes back while another that had the record is away, what was acknowledged can be lost' +
      (agrees ? '' : `; a server before ${agreesSince.join('.')} that led, stalled and wakes can also lose it alone`),
    ...(agrees ? {} : { warning: stalledLeader(version) }),
  });
}

const stalledLeader = (version: string): string =>
  `nats-server ${version} can lose what it has acknowledged, and its replicas can come to differ, when a server that ` +
  `led a stream stalls past an election and wakes: take ${agreesSince.join('.')} or newer`;

const oldest: readonly number[] = [2, 9, 0];
/** Whole streams were lost when servers were killed (Jepsen on 2.12.1, section on 2.10.22). */
const broken = { from: [2, 10, 20], to: [2, 10, 22] } as const;

/** @throws LockstepError `invalid` for a server that cannot keep a log, with what can. */
export function checkVersion(version: string): void {
  const numbers = numbersOf(version);
  const advice =
    compare(numbers, oldest) < 0
      ? 'take 2.9.0 or newer: older ones cannot make the consumers that readers use'
      : compare(numbers, broken.from) >= 0 && compare(numbers, broken.to) <= 0
        ? 'take 2.10.23 or newer: 2.10.20 to 2.10.22 can lose a whole stream when a server is killed'
        : null;
  if (advice === null && numbers.length === 3 && numbers.every(Number.isInteger)) return;
  throw new LockstepError('invalid', 'this version of nats-server cannot keep a log', {
    values: { version },
    advice: advice === null ? [] : [advice],
  });
}

const numbersOf = (version: string): readonly number[] => version.split(/[.-]/).slice(0, 3).map(Number);

function compare(one: readonly number[], other: readonly number[]): number {
  for (let at = 0; at < other.length; at++) {
    const difference = (one[at] ?? 0) - (other[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
