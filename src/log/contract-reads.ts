/** The contract of logs: reading, live and from anywhere, trimming and holds, logs that are not what they were. */
import { position } from './coordinates.ts';
import {
  append,
  endOf,
  entry,
  failureOf,
  lead,
  logCase,
  made,
  must,
  mustThrow,
  recordsUpTo,
  same,
  textOf,
  type LogCase,
  type LogCaseWorld,
} from './contract-world.ts';
import type { Log, LogRecord, LogWriter } from './port.ts';

const names = (count: number, from = 0): readonly string[] =>
  Array.from({ length: count }, (_, index) => `${from + index}`);

/** 64 records of 1 KiB. */
async function fill(writer: LogWriter): Promise<void> {
  for (let index = 0; index < 64; index++) {
    const outcome = await writer.append({ payload: new Uint8Array(1_024), firstRevision: index, revisionCount: 1 });
    must(outcome.kind === 'appended', 'it is appended');
  }
}

async function filled({ engine }: LogCaseWorld): Promise<{ readonly log: Log; readonly writer: LogWriter }> {
  const log = await made(engine);
  const writer = await lead(log);
  await fill(writer);
  return { log, writer };
}

const following: readonly LogCase[] = [
  logCase('a reader gets what comes after its position, from any position', async ({ engine }) => {
    const log = await made(engine);
    const last = await append(await lead(log), ...names(9));
    for (let from = 0; from < last; from++) {
      const records = await recordsUpTo(log, last, from);
      const expected = names(last - from).map((_, index) => from + index + 1);
      same(records.map((record) => record.position), expected, `positions after ${from}`); // prettier-ignore
    }
  }),

  logCase('a reader gets what is appended while it waits, in batches, in order', async ({ engine, other }) => {
    const log = await made(engine);
    const reading = recordsUpTo(await made(other), position(31));
    const writer = await lead(log);
    await append(writer, ...names(30));
    const records = await reading;
    same(records.slice(1).map(textOf), names(30), 'what was read');
  }),

  logCase('a slow reader misses nothing', async ({ engine }) => {
    const log = await made(engine);
    const writer = await lead(log);
    const reader = log.read(position(0))[Symbol.asyncIterator]();
    const seen: LogRecord[] = [];
    for (let round = 0; seen.length < 41; round++) {
      if (round < 4) await append(writer, ...names(10, round * 10));
      const next = await reader.next();
      must(next.done !== true && next.value.kind === 'records', 'a batch of records');
      seen.push(...next.value.records);
    }
    await reader.return?.();
    same(seen.slice(1).map(textOf), names(40), 'what was read');
  }),

  logCase('a reader that stops early leaves nothing behind', async ({ engine }) => {
    const log = await made(engine);
    const writer = await lead(log);
    await append(writer, 'a');
    for await (const batch of log.read(position(0))) {
      must(batch.kind === 'records', 'a batch of records');
      break;
    }
    await append(writer, 'b');
    await log.close();
  }),

  logCase('a reader is stopped by its signal, before or while it waits', async ({ engine, env }) => {
    const log = await made(engine);
    const last = await append(await lead(log), 'a');
    const [stop, reason] = [new AbortController(), new Error('enough')];
    const read = () => log.read(last, { signal: stop.signal })[Symbol.asyncIterator]().next();
    const waiting = failureOf(read);
    env.timers.after(1, () => stop.abort(reason));
    must((await waiting) === reason, 'it rejects with the reason');
    must((await failureOf(read)) === reason, 'it rejects at once when already aborted');
  }),

  logCase('closing the log ends its waiting readers', async ({ engine }) => {
    const log = await made(engine);
    const waiting = mustThrow('stopped', () => log.read(position(0))[Symbol.asyncIterator]().next(), 'a reader');
    await log.close();
    await waiting;
  }),

  logCase('tail is the last position', async ({ engine }) => {
    const log = await made(engine);
    const last = await append(await lead(log), 'a', 'b');
    same(await log.tail(), last, 'the end');
  }),
];

const trimming: readonly LogCase[] = [
  logCase('a reader behind a trim is told where the log begins now, and can start there', async (world) => {
    const { log, writer } = await filled(world);
    const kept = await log.trim(position(50));
    must(kept > 1 && kept <= 50, `a trim lets go of what is before, and of no more: it kept ${kept}`);
    same(await endOf(log, position(0)), { kind: 'trimmed', earliest: kept }, 'what a reader behind is told');
    same(await endOf(log, position(kept - 2)), { kind: 'trimmed', earliest: kept }, 'one record behind');
    const last = await append(writer, 'live');
    const records = await recordsUpTo(log, last, kept - 1);
    same([records.length, records[0]?.position], [last - kept + 1, kept], 'what is read from there');
    same(await log.trim(position(2)), kept, 'a trim never goes back');
  }),

  logCase('a trim never passes a hold', async (world) => {
    const { log, writer } = await filled(world);
    const [near, far] = [log.hold(position(10)), log.hold(position(40))];
    must((await log.trim(position(60))) <= 10, 'the nearest hold stands in the way');
    near.move(position(20));
    near.move(position(5));
    must((await log.trim(position(60))) <= 20, 'a hold moves, and never back');
    same((await recordsUpTo(log, position(20), 19)).length, 1, 'what is held is there');
    near.release();
    near.move(position(1));
    must((await log.trim(position(60))) <= 40, 'the other hold stands in the way');
    far.release();
    must((await log.trim(position(60))) > 40, 'without holds it goes further');
    await append(writer, 'a');
  }),

  logCase('the last record is never trimmed, and the log goes on after it', async (world) => {
    const { log, writer } = await filled(world);
    const kept = await log.trim(position(10_000));
    must(kept <= 65, 'the last one stays');
    await append(writer, 'a');
    await writer.release();
    const next = await lead(log, 'bob');
    same(textOf((await recordsUpTo(log, position(66), 65))[0] as LogRecord), 'a', 'what was appended after it');
    must(next.epoch > writer.epoch, 'epochs grow on');
  }),
];

const otherLogs: readonly LogCase[] = [
  logCase(
    'a reader that knows the chain at its place goes on, and one that expects another does not',
    async (world) => {
      const log = await made(world.engine);
      const last = await append(await lead(log), 'a', 'b', 'c');
      const [second] = await recordsUpTo(log, position(2), 1);
      const chain = second?.chain ?? '';
      same((await recordsUpTo(log, last, 2, chain)).map(textOf), ['b', 'c'], 'with the right chain');
      const wrong = `${chain.startsWith('0') ? '1' : '0'}${chain.slice(1)}`;
      const end = await endOf(log, position(2), wrong);
      same([end.kind, end.kind === 'diverged' && end.position], ['diverged', 3], 'with a wrong one');
    },
  ),

  logCase('a log that was made anew under its name is diverged, and fences its writer', async ({ engine, other }) => {
    const log = await made(engine);
    const writer = await lead(log);
    const last = await append(writer, 'a');
    await other.remove('log');
    const anew = await made(other);
    await append(await lead(anew, 'bob'), 'x', 'y');
    const end = await endOf(log, last);
    must(end.kind === 'diverged' && end.expected.includes(log.id), 'a reader is told, and what was expected');
    const outcome = await writer.append(entry('b')).catch((error: unknown) => String(error));
    must(typeof outcome === 'string' || outcome.kind === 'fenced', 'nothing is appended to another log');
    must(
      (await recordsUpTo(anew, await anew.tail())).every((record) => textOf(record) !== 'b'),
      'nor is it there',
    );
  }),

  logCase(
    'a log that was rolled back under a reader is diverged, also after it grew again',
    async ({ engine, other, faults }) => {
      const log = await made(engine);
      const writer = await lead(log, 'ann');
      const last = await append(writer, 'a', 'b', 'c');
      const chain = (await recordsUpTo(log, last)).at(-1)?.chain;
      await faults.rollBack?.('log', position(last - 2));
      const next = await lead(await made(other), 'bob'); // ann's would wait for the end that it knows
      await append(next, 'd', 'e', 'f');
      must((await endOf(log, last, chain)).kind === 'diverged', 'a reader is told');
    },
    'rollBack',
  ),
];

export const readCases: readonly LogCase[] = [...following, ...trimming, ...otherLogs];
