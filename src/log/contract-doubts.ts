/** The contract of logs: answers that are lost, late or doubled, and writers that are stopped in the middle. */
import { isLockstepError } from '../kernel/errors.ts';
import {
  append,
  entry,
  lead,
  logCase,
  made,
  must,
  same,
  textOf,
  recordsUpTo,
  textsIn,
  type LogCase,
  type StopStep,
} from './contract-world.ts';

const steps: readonly StopStep[] = ['before the write', 'between write and sync', 'between sync and check'];

export const doubtCases: readonly LogCase[] = [
  logCase(
    'an append whose answer is lost is settled: it is there, once',
    async ({ engine, faults }) => {
      const log = await made(engine);
      const writer = await lead(log);
      faults.loseAnswer?.();
      await append(writer, 'a');
      await append(writer, 'b');
      same(await textsIn(log), ['a', 'b'], 'what is in the log');
    },
    'loseAnswer',
  ),

  logCase(
    'an append whose answer is lost, with a claim right after it, is appended: it stands before the claim',
    async ({ engine, other, faults }) => {
      const log = await made(engine);
      const theirs = await made(other);
      const writer = await lead(log, 'ann');
      faults.loseAnswer?.();
      const [outcome] = await Promise.all([writer.append(entry('a')), lead(theirs, 'bob')]);
      const texts = await textsIn(log);
      same(texts, outcome.kind === 'appended' ? ['a'] : [], 'what is in the log, by its outcome');
    },
    'loseAnswer',
  ),

  logCase(
    'a claim whose answer is lost is settled: one claim, one leader',
    async ({ engine, faults }) => {
      const log = await made(engine);
      faults.loseAnswer?.();
      const writer = await lead(log, 'ann');
      await append(writer, 'a');
      const records = await recordsUpTo(log, await log.tail());
      same(records.map(textOf), ['ann', 'a'], 'what is in the log');
      same(await writer.confirm(), 'held', 'a confirmation');
    },
    'loseAnswer',
  ),

  logCase(
    'an append that is delayed past a claim is fenced, and never in the log',
    async ({ engine, other, faults }) => {
      const log = await made(engine);
      const theirs = await made(other);
      const old = await lead(log, 'ann');
      await append(old, 'a');
      const delayed = faults.delayAppend?.();
      const appending = old.append(entry('late'));
      await delayed?.arrived;
      const next = await lead(theirs, 'bob');
      await append(next, 'b');
      delayed?.release();
      same(await appending, { kind: 'fenced' }, 'the delayed append');
      await append(next, 'c');
      same(await textsIn(log), ['a', 'b', 'c'], 'what is in the log');
    },
    'delayAppend',
  ),

  logCase(
    'a client that resends by itself appends once',
    async ({ engine, faults }) => {
      const log = await made(engine);
      const writer = await lead(log);
      for (const text of ['a', 'b', 'c']) {
        faults.resendAppend?.();
        await append(writer, text);
      }
      same(await textsIn(log), ['a', 'b', 'c'], 'what is in the log');
    },
    'resendAppend',
  ),

  ...steps.map((step) =>
    logCase(
      `a writer that is stopped ${step} while another claims: what it says then is so`,
      async ({ engine, other, faults }) => {
        const log = await made(engine);
        const old = await lead(log, 'ann');
        await append(old, 'a');
        const held = faults.stopWriter?.(step);
        const appending = old.append(entry('late')).catch((error: unknown) => error);
        await held?.stopped;
        const theirs = await made(other);
        const next = await lead(theirs, 'bob');
        await append(next, 'b');
        held?.resume();
        const outcome = await appending;
        const texts = await textsIn(theirs);
        const isThere = texts.includes('late');
        same(texts, isThere ? ['a', 'late', 'b'] : ['a', 'b'], 'what is in the log');
        if (isLockstepError(outcome, 'unknown')) return;
        same(outcome, isThere ? { kind: 'appended', position: 3 } : { kind: 'fenced' }, 'what the old writer says');
        must((await old.append(entry('later'))).kind === 'fenced', 'and it is finished');
      },
      'stopWriter',
    ),
  ),
];
