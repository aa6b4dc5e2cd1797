import fc from 'fast-check';
import { expect, test } from 'vitest';
import { groupBytes, type GroupHeader } from './group.ts';
import { segmentHeaderBytes, type SegmentHeader } from './segment-header.ts';
import { Segment, SegmentMap } from './segment-map.ts';

const segmentOf = (map: SegmentMap, number: number): Segment => {
  const header: SegmentHeader = {
    journalId: new Uint8Array(16),
    number,
    seed: 0,
    firstGroup: Math.max(1, map.nextGroup),
    firstPosition: Math.max(1, map.nextPosition),
    previousEnd: 0,
    segmentBytes: 2 ** 31,
    groupBytesMax: 2 ** 20,
    origin: new Uint8Array(0),
  };
  return new Segment(header, `${number}`);
};

type Step =
  | { readonly kind: 'data'; readonly entryCount: number; readonly payloadBytes: number }
  | { readonly kind: 'cut' | 'trim'; readonly share: number }
  | { readonly kind: 'roll' };

const steps = fc.array(
  fc.oneof<fc.Arbitrary<Step>[]>(
    fc.record({ kind: fc.constant('data'), entryCount: fc.integer({ min: 1, max: 9 }), payloadBytes: fc.nat(300_000) }),
    fc.record({ kind: fc.constantFrom('cut', 'trim'), share: fc.double({ min: 0, max: 1, noNaN: true }) }),
    fc.record({ kind: fc.constant('roll') }),
  ),
  { maxLength: 60 },
);

interface Written {
  readonly header: GroupHeader;
  readonly segment: Segment;
}

test('every live entry is found from where the map says, and no void one is taken for it, over any cuts and trims', () => {
  fc.assert(
    fc.property(steps, (planned) => {
      const map = new SegmentMap();
      map.addSegment(segmentOf(map, 1));
      const groups: Written[] = [];
      /** By position: the group that holds the live entry. */
      let live = new Map<number, Written>();
      const add = (
        kind: GroupHeader['kind'],
        firstPosition: number,
        entryCount: number,
        payloadBytes: number,
      ): void => {
        const segment = map.last;
        const header: GroupHeader = {
          kind,
          number: map.nextGroup,
          offset: segment.end,
          payloadBytes,
          entryCount,
          payloadChecksum: 0,
          firstPosition,
          durableUpTo: map.nextPosition - 1,
          unsynced: 0,
        };
        map.addGroup(header);
        const written = { header, segment };
        groups.push(written);
        live = new Map([...live].filter(([position]) => position < firstPosition));
        for (let index = 0; index < entryCount; index++) live.set(firstPosition + index, written);
        expect(segment.end).toBe(header.offset + groupBytes(payloadBytes));
      };
      for (const step of planned) {
        if (step.kind === 'data') add('data', map.nextPosition, step.entryCount, step.payloadBytes);
        else if (step.kind === 'roll') map.addSegment(segmentOf(map, map.last.header.number + 1));
        else {
          const position = map.first + Math.floor(step.share * (map.nextPosition - map.first));
          if (step.kind === 'cut') add('cut', position, 0, 0);
          else {
            while (map.removable(position) !== null) map.removeOldest();
            expect(map.first).toBeLessThanOrEqual(position);
          }
        }
        for (let position = map.first; position < map.nextPosition; position++) {
          const target = live.get(position) ?? expect.unreachable();
          expect(target.segment.kept).toBe(true);
          const { segment, offset } = map.locate(position);
          // Read on from there, as the reader does: the first live entry of this position is in that group.
          const found = groups.find(
            ({ header, segment: at }) =>
              (at.header.number > segment.header.number || (at === segment && header.offset >= offset)) &&
              header.firstPosition <= position &&
              position < header.firstPosition + header.entryCount &&
              position <= map.ceiling(header.number),
          );
          expect(found).toBe(target);
        }
      }
    }),
    { numRuns: 150 },
  );
});

test('a new segment begins behind its header', () => {
  const map = new SegmentMap();
  map.addSegment(segmentOf(map, 1));
  expect([map.first, map.nextPosition, map.last.end]).toEqual([1, 1, segmentHeaderBytes]);
  expect(map.removable(100)).toBeNull();
});
