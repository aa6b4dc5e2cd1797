/** The contract of logs: making them, appending, limits, misuse. */
import {
  append,
  entry,
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

export const writeCases: readonly LogCase[] = [
  logCase('a log that is not there opens as null, and with create it is made', async ({ engine }) => {
    must((await engine.open('log', { create: false })) === null, 'nothing is there');
    same(await engine.list(), [], 'the list');
    const log = await made(engine);
    must(/^[0-9a-f]{32}$/.test(log.id), 'an id is 16 bytes in hexadecimal');
    same(await log.tail(), 0, 'the end of an empty log');
  }),

  logCase('whoever opens a log by its name has the same log', async ({ engine, other }) => {
    const log = await made(engine);
    const writer = await lead(log);
    await append(writer, 'a');
    const again = await made(other);
    same(again.id, log.id, 'the id');
    same(await textsIn(again), ['a'], 'what is in it');
  }),

  logCase('logs are listed by name, and removed; one made anew is another log', async ({ engine }) => {
    const [b, a] = [await made(engine, 'b'), await made(engine, 'a.1-x_Y')];
    must(a.id !== b.id, 'two logs have two ids');
    same([...(await engine.list())].toSorted(), ['a.1-x_Y', 'b'], 'the list');
    await b.close();
    same(await engine.remove('b'), 'removed', 'removing it');
    same(await engine.remove('b'), 'absent', 'removing it again');
    must((await engine.open('b', { create: false })) === null, 'it is gone');
    must((await made(engine, 'b')).id !== b.id, 'a log made anew has an id of its own');
  }),

  logCase('a name of other characters is misuse', async ({ engine }) => {
    for (const name of ['', '.', '..', 'a/b', 'a b', 'ä', '../x'])
      await mustThrow('misuse', () => engine.open(name, { create: true }), `the name '${name}'`);
    same(await engine.list(), [], 'the list');
  }),

  logCase('a claim is record 1, what is appended follows, and all of it is read as it was written', async (world) => {
    const log = await made(world.engine);
    const writer = await lead(log, 'node-1');
    same([writer.epoch, writer.start], [1, 1], 'epoch and start');
    const chains = [writer.chain];
    const first = await writer.append({ payload: Uint8Array.of(0, 255), firstRevision: 1, revisionCount: 7 });
    same(first, { kind: 'appended', position: 2 }, 'the first append');
    chains.push(writer.chain);
    const second = await writer.append({ payload: new Uint8Array(0), firstRevision: 8, revisionCount: 0 });
    same(second, { kind: 'appended', position: 3 }, 'the second append');
    chains.push(writer.chain);
    const records = await recordsUpTo(log, await log.tail());
    const facts = records.map(({ position, epoch, sequence, firstRevision, revisionCount, payload }) => {
      return [position, epoch, sequence, firstRevision, revisionCount, payload.length];
    });
    same(facts, [[1, 1, 0, 0, 0, 6], [2, 1, 1, 1, 7, 2], [3, 1, 2, 8, 0, 0]], 'what is read'); // prettier-ignore
    same(records.map(textOf)[0], 'node-1', "the claim's payload");
    same(
      records.map(({ chain }) => chain),
      chains,
      'the chains that the writer told',
    );
    same(new Set(chains).size, 3, 'how many chains there are');
  }),

  logCase('an append while another is under way is misuse, and nothing happens', async ({ engine }) => {
    const log = await made(engine);
    const writer = await lead(log);
    const underWay = writer.append(entry('a'));
    await mustThrow('misuse', () => writer.append(entry('b')), 'a second append');
    same((await underWay).kind, 'appended', 'the first append');
    await append(writer, 'c');
    same(await textsIn(log), ['a', 'c'], 'what is in the log');
  }),

  logCase('the largest payload is taken, one byte more is misuse, and the writer goes on', async ({ engine }) => {
    const log = await made(engine);
    const writer = await lead(log);
    const payload = new Uint8Array(engine.guarantees.payloadBytesMax + 1).fill(7);
    const tooLarge = { payload, firstRevision: 1, revisionCount: 1 };
    await mustThrow('misuse', () => writer.append(tooLarge), 'one byte too many');
    const largest = await writer.append({ ...tooLarge, payload: payload.subarray(1) });
    same(largest, { kind: 'appended', position: 2 }, 'the largest append');
    const [read] = await recordsUpTo(log, await log.tail(), 1);
    must(read !== undefined && read.payload.length === payload.length - 1, 'it is read in full');
    must(read.payload.every((byte) => byte === 7), 'it is read as it was written'); // prettier-ignore
  }),

  logCase('revisions that cannot be counted are misuse', async ({ engine }) => {
    const log = await made(engine);
    const writer = await lead(log);
    for (const firstRevision of [-1, 0.5, Number.NaN, 2 ** 53])
      await mustThrow('misuse', () => writer.append({ ...entry('a'), firstRevision }), `revision ${firstRevision}`);
    await append(writer, 'b');
    same(await textsIn(log), ['b'], 'what is in the log');
  }),

  logCase('a payload may be used again once its append has settled', async ({ engine }) => {
    const log = await made(engine);
    const writer = await lead(log);
    const bytes = entry('abc');
    await writer.append(bytes);
    bytes.payload.fill(0);
    same(await textsIn(log), ['abc'], 'what is in the log');
  }),

  logCase('a closed log is stopped, and its writer leads no more', async ({ engine }) => {
    const log = await made(engine);
    const writer = await lead(log);
    await append(writer, 'a');
    await log.close();
    await log.close();
    await mustThrow('stopped', () => log.tail(), 'the end of a closed log');
    await mustThrow('stopped', () => lead(log), 'standing for a closed log');
    await mustThrow('stopped', () => log.read(writer.start)[Symbol.asyncIterator]().next(), 'reading a closed log');
    same(await textsIn(await made(engine)), ['a'], 'what is in it when it is opened again');
  }),
];
