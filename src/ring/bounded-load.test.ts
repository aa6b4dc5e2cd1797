import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BoundedLoad } from './bounded-load.ts';
import { HashRing } from './hash-ring.ts';

const misuse = expect.objectContaining({ kind: 'misuse' }) as Error;
const named = (count: number) => Array.from({ length: count }, (_, at) => ({ name: `w-${at}` }));

type Step =
  | { readonly kind: 'acquire'; readonly key: number }
  | { readonly kind: 'release'; readonly pick: number }
  | { readonly kind: 'join'; readonly node: number; readonly weight: number }
  | { readonly kind: 'leave'; readonly node: number };
const node = fc.nat({ max: 7 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('acquire' as const), key: fc.nat({ max: 40 }) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('release' as const), pick: fc.nat() }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('join' as const), node, weight: fc.constantFrom(1, 0.1, 3.7) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('leave' as const), node }) },
);

test('no node is taken above its capacity, and somebody is always free, through joins, leaves and weights', () => {
  let fullCount = 0;
  fc.assert(
    fc.property(
      fc.constantFrom(1.01, 1.25, 2, 1e9),
      fc.array(step, { maxLength: 150, size: 'max' }),
      (loadFactor, steps) => {
        const loads = new BoundedLoad(HashRing.of(named(3), { vnodes: 8 }), { loadFactor });
        const underWay: string[] = [];
        for (const step of steps) {
          if (step.kind === 'join') loads.useRing(loads.ring.join({ name: `w-${step.node}`, weight: step.weight }));
          else if (step.kind === 'leave') loads.useRing(loads.ring.leave(`w-${step.node}`));
          else if (step.kind === 'release') {
            const [name] = underWay.splice(step.pick % Math.max(1, underWay.length), 1);
            if (name !== undefined) loads.release(name);
          } else {
            const own = loads.ring.nodeOf(`key-${step.key}`);
            const name = loads.acquire(`key-${step.key}`);
            expect(name === null).toBe(loads.ring.nodes.length === 0);
            if (name === null) continue;
            underWay.push(name);
            expect(loads.loadOf(name)).toBeLessThanOrEqual(loads.capacityOf(name));
            if (name === own) continue;
            fullCount++; // its own node was full
            expect(loads.loadOf(own as string)).toBeGreaterThanOrEqual(loads.capacityOf(own as string));
          }
          // The counts are those of a list.
          for (const { name } of named(8))
            expect(loads.loadOf(name)).toBe(underWay.filter((one) => one === name).length);
          const present = underWay.filter((name) => loads.ring.indexOf(name) >= 0);
          expect(loads.inFlight).toBe(present.length);
        }
      },
    ),
    { numRuns: 200 },
  );
  expect(fullCount).toBeGreaterThan(100);
});

test('a thousand keys under way: the fullest has 1.25 times the mean, where the ring alone gives it more', () => {
  const ring = HashRing.of(named(10), { vnodes: 1 });
  const loads = new BoundedLoad(ring);
  const alone = new Map<string, number>();
  let ownCount = 0;
  for (let key = 0; key < 1_000; key++) {
    const own = ring.nodeOf(`user-${key}`) as string;
    alone.set(own, (alone.get(own) ?? 0) + 1);
    if (loads.acquire(`user-${key}`) === own) ownCount++;
  }
  expect(Math.max(...named(10).map(({ name }) => loads.loadOf(name)))).toBeLessThanOrEqual(125);
  expect(Math.max(...alone.values())).toBeGreaterThan(150);
  expect(ownCount).toBeGreaterThan(500);
});

test('a worker that answers nothing gets its share and no more; the others take all the rest', () => {
  const loads = new BoundedLoad(HashRing.of(named(4)));
  const takenBy = new Map<string, number>();
  for (let request = 0; request < 10_000; request++) {
    const name = loads.acquire(`user-${request % 500}`) as string;
    takenBy.set(name, (takenBy.get(name) ?? 0) + 1);
    if (name !== 'w-0' && request >= 20) loads.release(name);
  }
  expect(loads.loadOf('w-0')).toBeLessThan(20);
  expect(takenBy.get('w-0')).toBe(loads.loadOf('w-0'));
});

test('while nothing else is under way a key goes to its own node, whatever the weight', () => {
  const ring = HashRing.of(
    [
      { name: 'a', weight: 0.01 },
      { name: 'b', weight: 100 },
    ],
    { vnodes: 100 },
  );
  const loads = new BoundedLoad(ring);
  for (let key = 0; key < 1_000; key++) {
    expect(loads.acquire(`k${key}`)).toBe(ring.nodeOf(`k${key}`));
    loads.release(ring.nodeOf(`k${key}`) as string);
  }
});

test('what is not under way cannot be over, and a load factor that bounds nothing is refused', () => {
  const loads = new BoundedLoad(HashRing.of(named(2)));
  for (const name of ['w-0', 'nobody']) expect(() => loads.release(name)).toThrow(misuse);
  const name = loads.acquire('a') as string;
  loads.useRing(loads.ring.leave(name));
  expect([loads.inFlight, loads.loadOf(name), loads.capacityOf(name)]).toEqual([0, 1, 0]);
  loads.release(name);
  expect(() => loads.release(name)).toThrow(misuse);
  for (const loadFactor of [1, 0, Number.NaN, Infinity])
    expect(() => new BoundedLoad(HashRing.of([]), { loadFactor })).toThrow(misuse);
});
