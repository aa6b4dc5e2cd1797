/**
 * The settings of a stream that keeps a log, and those that would break it: whatever else could add a message, take one
 * out of the middle, or let one go unasked would move the positions. Pure.
 */
import { LockstepError } from '../../kernel/errors.ts';
import { logId } from '../chain.ts';
import type { LogId } from '../port.ts';

/** A stream's configuration as JetStream's API has it; fields that this version does not know may be there. */
export type StreamConfig = Readonly<Record<string, unknown>> & {
  readonly name: string;
  readonly subjects?: readonly string[];
  readonly num_replicas: number;
};

/** Where the logs of one engine are. Several engines share an account if their prefixes differ. */
export class Names {
  readonly #prefix: string;

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** The stream of a log: its name, with `=` for the dots that streams cannot have. */
  stream(log: string): string {
    return `${this.#prefix}=${log.replaceAll('.', '=')}`;
  }

  /** The other way; null for a stream that is not ours. */
  log(stream: string): string | null {
    const begin = `${this.#prefix}=`;
    return stream.startsWith(begin) ? stream.slice(begin.length).replaceAll('=', '.') : null;
  }

  /** The one subject of a stream. It has the log's id, so that nothing meant for a log reaches another of its name. */
  subject(id: LogId | '*'): string {
    return `${this.#prefix}.log.${id}`;
  }

  /** Where it is told that a log has grown. Nothing rests on it. */
  grown(id: LogId): string {
    return `${this.#prefix}.grown.${id}`;
  }

  /** Of the log with this subject; null when it is none of ours. */
  id(subject: string): LogId | null {
    const begin = `${this.#prefix}.log.`;
    const text = subject.slice(begin.length);
    return subject.startsWith(begin) && /^[0-9a-f]{32}$/.test(text) ? logId(text) : null;
  }
}

export const newStream = (names: Names, log: string, id: LogId, replicas: number): StreamConfig => ({
  name: names.stream(log),
  description: 'a Lockstep log: append to it through Lockstep alone',
  subjects: [names.subject(id)],
  num_replicas: replicas,
  storage: 'file',
  retention: 'limits',
  discard: 'new',
  max_msgs: -1,
  max_bytes: -1,
  max_age: 0,
  max_msgs_per_subject: -1,
  max_msg_size: -1,
  max_consumers: -1,
  duplicate_window: 100_000_000, // the shortest: no record has the header that it is about
  deny_delete: true,
  deny_purge: false,
  allow_rollup_hdrs: false,
  allow_direct: false,
});

/** A setting, what it must be, and why. Absent is what servers leave out: false, 0, nothing. */
const rules: readonly (readonly [name: string, allowed: readonly unknown[], because: string])[] = [
  ['storage', ['file'], 'memory survives nothing'],
  ['retention', ['limits', undefined], 'records stay until they are trimmed'],
  ['discard', ['new'], 'a full stream refuses, and never drops its oldest records'],
  ['max_msgs', [-1, 0, undefined], 'records stay until they are trimmed'],
  ['max_bytes', [-1, 0, undefined], 'records stay until they are trimmed'],
  ['max_age', [0, undefined], 'records stay until they are trimmed'],
  ['max_msgs_per_subject', [-1, 0, undefined], 'a log has one subject'],
  ['max_msg_size', [-1, 0, undefined], 'the largest record is the largest payload of the server'],
  ['max_consumers', [-1, 0, undefined], 'each reader is a consumer'],
  ['deny_delete', [true], 'a record that is deleted leaves a gap'],
  ['deny_purge', [false, undefined], 'a log is trimmed by a purge'],
  ['allow_rollup_hdrs', [false, undefined], 'a rollup removes records'],
  ['sealed', [false, undefined], 'a sealed stream takes no record'],
  ['no_ack', [false, undefined], 'an append must be acknowledged'],
  ['mirror', [undefined], 'a mirror takes no record'],
  ['sources', [undefined], 'what another stream puts in is no record'],
  ['subject_transform', [undefined], 'a record keeps its subject'],
  ['allow_msg_ttl', [false, undefined], 'records stay until they are trimmed'],
  ['allow_msg_counter', [false, undefined], 'records are not counters'],
  ['allow_msg_schedules', [false, undefined], 'what the server puts in by itself is no record'],
  ['first_seq', [0, 1, undefined], 'the first record stands at 1'],
  ['persist_mode', ['default', '', undefined], 'an append is written before it is acknowledged'],
];

/** @throws LockstepError `invalid` naming every setting that cannot keep a log. */
export function checkStream(config: StreamConfig, replicas: number): void {
  const wrong = rules.filter(([name, allowed]) => !allowed.includes(config[name] ?? undefined));
  const advice = wrong.map(([name, [wanted], because]) => {
    return `${name} is ${JSON.stringify(config[name])}, must be ${JSON.stringify(wanted) ?? 'absent'}: ${because}`;
  });
  if ((config.subjects ?? []).length !== 1) advice.push('subjects: there must be one, it names the log');
  if (config.num_replicas < replicas)
    advice.push(`num_replicas is ${config.num_replicas}, must be at least the ${replicas} that the guarantees rest on`);
  if (advice.length === 0) return;
  throw new LockstepError('invalid', 'a stream has settings that cannot keep a log', {
    values: { stream: config.name },
    advice,
  });
}
