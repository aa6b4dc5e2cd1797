import { expect, test } from 'vitest';
import { chainBeforeFirst, logId } from './chain.ts';
import { epoch, position } from './coordinates.ts';
import { Follower } from './follow.ts';
import { RecordCodec, type RecordFields, type StoredRecord } from './record.ts';

const id = logId('a'.repeat(32));
const codec = new RecordCodec(1_000);

/** A log of these turns (epoch, sequence), with chains that fit, the first at position `from`. */
function records(turns: readonly (readonly [number, number])[], changes: Partial<RecordFields> = {}, from = 1) {
  let chainBefore = chainBeforeFirst;
  return turns.map(([ofEpoch, sequence], index): StoredRecord => {
    const payload = new Uint8Array([index]);
    const fields = { id, chainBefore, epoch: epoch(ofEpoch), sequence, firstRevision: 0, revisionCount: 0, payload };
    const { bytes, chain } = codec.encode({ ...fields, ...changes });
    chainBefore = chain;
    return codec.decode(position(from + index), bytes);
  });
}

const verdicts = (follower: Follower, log: readonly StoredRecord[]) => log.map((record) => follower.accept(record));
const fromStart = (): Follower => new Follower({ id, after: position(0) });
const goodTurns = [[1, 0], [1, 1], [1, 2], [4, 0], [5, 0], [5, 1]] as const; // prettier-ignore

test('claims of higher epochs and dense sequences are followed, and the chain is known', () => {
  const follower = fromStart();
  const log = records(goodTurns);
  expect(verdicts(follower, log)).toEqual(log.map(() => null));
  expect([follower.last, follower.chain]).toEqual([6, log.at(-1)?.chain]);
});

test.each([
  {
    what: 'an older epoch after a claim',
    turns: [
      [1, 0],
      [2, 0],
      [1, 1],
    ],
    found: 'epoch 1 sequence 1',
  },
  {
    what: 'a gap in sequences',
    turns: [
      [1, 0],
      [1, 2],
    ],
    found: 'epoch 1 sequence 2',
  },
  {
    what: 'a sequence twice',
    turns: [
      [1, 0],
      [1, 1],
      [1, 1],
    ],
    found: 'epoch 1 sequence 1',
  },
  {
    what: 'a second claim of one epoch',
    turns: [
      [1, 0],
      [1, 0],
    ],
    found: 'epoch 1 sequence 0',
  },
  {
    what: 'a higher epoch without a claim',
    turns: [
      [1, 0],
      [2, 1],
    ],
    found: 'epoch 2 sequence 1',
  },
  { what: 'a first record that is no claim', turns: [[1, 1]], found: 'epoch 1 sequence 1' },
] as const)('$what is diverged, and says what was found', ({ turns, found }) => {
  const verdict = verdicts(fromStart(), records(turns)).at(-1);
  expect(verdict).toMatchObject({ kind: 'diverged', position: turns.length, found });
});

test('a gap in positions, another log and another chain are diverged, naming both', () => {
  const log = records(goodTurns);
  const [first, second, third] = log as [StoredRecord, StoredRecord, StoredRecord];
  const follower = fromStart();
  follower.accept(first);
  expect(follower.accept(third)).toMatchObject({ position: 2, expected: 'position 2', found: 'position 3' });
  const [, alien] = records(goodTurns, { id: logId('b'.repeat(32)) }) as [StoredRecord, StoredRecord];
  expect(follower.accept(alien)).toMatchObject({ expected: `log ${id}`, found: `log ${'b'.repeat(32)}` });
  const [, other] = records(goodTurns, { firstRevision: 7 }) as [StoredRecord, StoredRecord];
  expect(follower.accept(other)).toMatchObject({
    expected: `chain ${first.chain}`,
    found: `chain ${other.chainBefore}`,
  });
  expect(follower.accept(second)).toBeNull();
});

test('in the middle the first chain is trusted, unless one was expected; from there on it is checked', () => {
  const log = records(goodTurns);
  const rest = log.slice(2);
  expect(verdicts(new Follower({ id, after: position(2) }), rest)).toEqual(rest.map(() => null));
  expect(verdicts(new Follower({ id, after: position(2), chain: log[1]?.chain }), rest)).toEqual(rest.map(() => null));
  const doubting = new Follower({ id, after: position(2), chain: log[0]?.chain });
  expect(doubting.accept(rest[0] as StoredRecord)).toMatchObject({ kind: 'diverged', position: 3 });
  const trusting = new Follower({ id, after: position(2) });
  trusting.accept(rest[0] as StoredRecord);
  expect(trusting.accept(records(goodTurns, { firstRevision: 9 })[3] as StoredRecord)).toMatchObject({ position: 4 });
});

test('a chain that is no chain is misuse', () => {
  expect(() => new Follower({ id, after: position(2), chain: 'x' })).toThrow(
    expect.objectContaining({ kind: 'misuse' }),
  );
});
