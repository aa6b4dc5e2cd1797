/** Streams that keep logs, and those that would lose or move records. */
import { expect, test } from 'vitest';
import { LockstepError } from '../../kernel/errors.ts';
import { logId } from '../chain.ts';
import { checkVersion, natsGuarantees } from './guarantees.ts';
import { checkStream, Names, newStream } from './settings.ts';

const id = logId('0123456789abcdef0123456789abcdef');
const names = new Names('pre');
const stream = newStream(names, 'a.b', id, 3);

function refusalOf(changes: Readonly<Record<string, unknown>>, replicas = 3): string {
  try {
    checkStream({ ...stream, ...changes }, replicas);
  } catch (error) {
    if (error instanceof LockstepError) return error.message;
    throw error;
  }
  return 'taken';
}

test('a stream that is made is one that is taken, by engines that want as many replicas or fewer', () => {
  expect(refusalOf({})).toBe('taken');
  expect(refusalOf({}, 1)).toBe('taken');
  expect(refusalOf({}, 5)).toContain('num_replicas is 3, must be at least the 5');
});

test('what a server adds of its own, and what does not move positions, is taken', () => {
  const added = { max_msgs: -1, sealed: false, sources: null, compression: 's2', allow_direct: true, metadata: {} };
  expect(refusalOf({ ...added, duplicate_window: 120e9, max_msgs_per_subject: 0 })).toBe('taken');
});

test.each([
  ['storage', 'memory'],
  ['retention', 'workqueue'],
  ['discard', 'old'],
  ['max_msgs', 1_000],
  ['max_bytes', 1_000_000],
  ['max_age', 60e9],
  ['max_msg_size', 1_000],
  ['deny_delete', false],
  ['deny_purge', true],
  ['allow_rollup_hdrs', true],
  ['sealed', true],
  ['no_ack', true],
  ['mirror', { name: 'other' }],
  ['sources', [{ name: 'other' }]],
  ['subject_transform', { src: '>', dest: 'x' }],
  ['allow_msg_ttl', true],
  ['first_seq', 100],
  ['persist_mode', 'async'],
])('the setting %s of %j is refused by its name', (name, value) => {
  expect(refusalOf({ [name]: value })).toMatch(new RegExp(`^  ${name} is .*, must be `, 'm'));
});

test('all that is wrong is told at once', () => {
  expect(refusalOf({ storage: 'memory', max_age: 1, subjects: ['a', 'b'] }).split('\n')).toHaveLength(4);
});

test('names of logs and of streams are inverses, and other prefixes have other streams', () => {
  for (const log of ['orders', 'a.b-c_d', '..x', 'A.1']) expect(names.log(names.stream(log))).toBe(log);
  expect(names.stream('a.b')).toMatch(/^[^.*> \t/\\]+$/);
  expect(new Names('pre=x'.slice(0, 3)).log('other=a')).toBeNull();
  expect(names.log('prefix')).toBeNull();
});

test('the subject names the log, and no other subject does', () => {
  expect(names.id(names.subject(id))).toBe(id);
  for (const other of ['pre.log.x', `other.log.${id}`, `pre.log.${id}0`, 'pre.log.*'])
    expect(names.id(other)).toBeNull();
});

test('versions that cannot keep a log are refused with one that can', () => {
  for (const version of ['2.9.0', '2.9.10', '2.10.19', '2.10.23', '2.12.1', '3.0.0-beta.1', '2.11.0-RC.1'])
    expect(() => checkVersion(version)).not.toThrow();
  for (const version of ['2.8.4', '1.4.1', '2.2.0']) expect(() => checkVersion(version)).toThrow('take 2.9.0 or newer');
  for (const version of ['2.10.20', '2.10.22']) expect(() => checkVersion(version)).toThrow('take 2.10.23 or newer');
  expect(() => checkVersion('')).toThrow('cannot keep a log');
});

test('the largest payload leaves room for both headers, and has a ceiling', () => {
  expect(natsGuarantees(1).payloadBytesMax).toBe(1_048_576 - 64 - 69);
  expect(natsGuarantees(3, 64 * 1_048_576).payloadBytesMax).toBe(8 * 1_048_576 - 64 - 69);
});

test.each([
  { version: '2.9.10', replicas: 3, warns: true },
  { version: '2.9.25', replicas: 5, warns: true },
  { version: '2.10.19', replicas: 3, warns: true },
  { version: '2.9.10', replicas: 1, warns: false },
  { version: '2.10.23', replicas: 3, warns: false },
  { version: '2.12.0-preview.1', replicas: 3, warns: false },
] as const)(
  '$version with $replicas replicas: a stalled leader is warned of: $warns',
  ({ version, replicas, warns }) => {
    const { warning, failoverKeepsAcknowledged } = natsGuarantees(replicas, undefined, version);
    expect(warning?.includes(version) ?? false).toBe(warns);
    expect(failoverKeepsAcknowledged).toBe(replicas === 1 ? null : !warns);
  },
);
