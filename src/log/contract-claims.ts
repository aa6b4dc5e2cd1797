/** The contract of logs: who leads, and what becomes of who led. */
import {
  aborted,
  append,
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
  textsIn,
  type LogCase,
} from './contract-world.ts';

export const claimCases: readonly LogCase[] = [
  logCase('a claim between two appends of the old writer: its second append is fenced', async ({ engine, other }) => {
    const log = await made(engine);
    const theirs = await made(other);
    const old = await lead(log, 'ann');
    await append(old, 'a');
    const next = await lead(theirs, 'bob');
    must(next.epoch > old.epoch, 'epochs grow');
    same(await old.append(entry('late')), { kind: 'fenced' }, 'the append after the claim');
    same(await old.append(entry('later')), { kind: 'fenced' }, 'and the one after that');
    await append(next, 'b');
    same(await textsIn(log), ['a', 'b'], 'what is in the log');
    const [claim] = await recordsUpTo(log, next.start, next.start - 1);
    must(claim !== undefined && claim.sequence === 0 && textOf(claim) === 'bob', 'a claim names its owner');
  }),

  logCase('a writer whose log was claimed by another is lost, and says so in a task of its own', async (world) => {
    const log = await made(world.engine);
    const old = await lead(log, 'ann');
    let inOwnTask = false;
    old.lost.addEventListener('abort', () => (inOwnTask = true));
    await lead(await made(world.other), 'bob');
    must((await old.append(entry('late'))).kind === 'fenced', 'the old writer is fenced');
    await aborted(old.lost);
    must(inOwnTask, 'its signal is aborted');
  }),

  logCase('confirm is held while nobody else leads, also while an append is under way', async ({ engine }) => {
    const log = await made(engine);
    const writer = await lead(log);
    same(await writer.confirm(), 'held', 'at first');
    const underWay = writer.append(entry('a'));
    same(await writer.confirm(), 'held', 'while an append is under way');
    same((await underWay).kind, 'appended', 'that append');
    await append(writer, 'b');
    same(await writer.confirm(), 'held', 'after appends');
    same(await textsIn(log), ['a', 'b'], 'what is in the log');
  }),

  logCase('confirm is lost once another leads, and the writer is finished', async ({ engine, other }) => {
    const log = await made(engine);
    const old = await lead(log, 'ann');
    const next = await lead(await made(other), 'bob');
    same([await old.confirm(), await next.confirm()], ['lost', 'held'], 'old and new');
    await aborted(old.lost);
    same(await old.append(entry('late')), { kind: 'fenced' }, 'an append after it');
    same(await textsIn(log), [], 'what is in the log');
  }),

  logCase('who released leads no more, and the next may lead at once', async ({ engine, other }) => {
    const log = await made(engine);
    const old = await lead(log, 'ann');
    await append(old, 'a');
    await old.release();
    await old.release();
    await aborted(old.lost);
    same(await old.append(entry('late')), { kind: 'fenced' }, 'an append after the release');
    same(await old.confirm(), 'lost', 'a confirmation after the release');
    const next = await lead(await made(other), 'bob');
    must(next.epoch > old.epoch, 'epochs grow');
    await append(next, 'b');
    same(await textsIn(log), ['a', 'b'], 'what is in the log');
  }),

  logCase('two claims at once: each epoch has one owner, and who came first is fenced', async ({ engine, other }) => {
    const [log, theirs] = [await made(engine), await made(other)];
    const [ann, bob] = await Promise.all([lead(log, 'ann'), lead(theirs, 'bob')]);
    must(ann.epoch !== bob.epoch, 'no two lead in one epoch');
    const [first, second] = ann.epoch < bob.epoch ? [ann, bob] : [bob, ann];
    must(first.start < second.start, 'claims stand in the order of epochs');
    same(await first.append(entry('late')), { kind: 'fenced' }, 'the first one');
    await append(second, 'b');
    same(await textsIn(log), ['b'], 'what is in the log');
  }),

  logCase('many who stand again and again: their records never mix', async ({ engine, other }) => {
    const logs = [await made(engine), await made(other)];
    const expected: string[] = [];
    for (let round = 0; round < 6; round++) {
      const writer = await lead(logs[round % 2] as (typeof logs)[number], `owner-${round}`);
      const texts = [`${round}-1`, `${round}-2`];
      await append(writer, ...texts);
      expected.push(...texts);
      if (round % 3 === 0) await writer.release();
    }
    for (const log of logs) same(await textsIn(log), expected, 'what is in the log');
  }),

  logCase('standing is given up with the reason of its signal, before or while it waits', async ({ engine, env }) => {
    const log = await made(engine);
    const writer = await lead(log, 'ann');
    const [stop, reason] = [new AbortController(), new Error('enough')];
    const standing = failureOf(() => log.acquire({ owner: 'bob', signal: stop.signal }));
    env.timers.after(1, () => stop.abort(reason));
    must((await standing) === reason, 'it rejects with the reason');
    const again = await failureOf(() => log.acquire({ owner: 'bob', signal: stop.signal }));
    must(again === reason, 'it rejects at once when already aborted');
    same(await writer.confirm(), 'held', 'who led before');
  }),

  logCase('an owner without a name is misuse', async ({ engine }) => {
    const log = await made(engine);
    for (const owner of ['', '\ud800', 'x'.repeat(600)])
      await mustThrow('misuse', () => log.acquire({ owner }), `the owner '${owner.slice(0, 3)}'`);
    same(await log.tail(), 0, 'the end of the log');
  }),
];
