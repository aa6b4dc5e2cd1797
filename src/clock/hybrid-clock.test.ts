import fc from 'fast-check';
import { expect, test } from 'vitest';
import { wallTime } from '../kernel/time.ts';
import { HybridClock, type HybridRefusal } from './hybrid-clock.ts';
import { hybridOf, hybridParts, hybridWall, hybridWallMax, hybridWallMin, type HybridTimestamp } from './timestamp.ts';

const startMs = Date.UTC(2026, 10, 22);

class HandWall {
  ms: number;
  constructor(ms: number = startMs) {
    this.ms = ms;
  }
  wall() {
    return wallTime(this.ms);
  }
}

function stampAt(ms: number, counter = 0): HybridTimestamp {
  return hybridOf({ wall: wallTime(ms), counter }) as HybridTimestamp;
}
const isStamp = (outcome: HybridTimestamp | HybridRefusal): outcome is HybridTimestamp => typeof outcome === 'number';

test('it follows the wall clock, and counts within a millisecond', () => {
  const wall = new HandWall();
  const clock = new HybridClock(wall, { last: null });
  expect(clock.last).toBeNull();
  expect([clock.now(), clock.now()]).toEqual([stampAt(startMs, 0), stampAt(startMs, 1)]);
  wall.ms += 3;
  expect(clock.now()).toBe(stampAt(startMs + 3, 0));
});

test('a message from ahead moves it past the sender, one from behind does not move it back', () => {
  const wall = new HandWall();
  const clock = new HybridClock(wall, { last: null });
  expect(clock.receive(stampAt(startMs + 500, 9))).toBe(stampAt(startMs + 500, 10));
  expect(clock.receive(stampAt(startMs - 9_999))).toBe(stampAt(startMs + 500, 11));
  expect(clock.aheadMs()).toBe(500);
});

test('a remote further ahead than the bound is refused', () => {
  const clock = new HybridClock(new HandWall(), { last: null });
  const refusal = { kind: 'refused', reason: 'remote-ahead', aheadMs: 501, driftMsMax: 500 };
  expect(clock.receive(stampAt(startMs + 501))).toEqual(refusal);
  expect(clock.last).toBeNull();
});

test('a full counter borrows the next millisecond, and at the bound it refuses until the wall clock has moved', () => {
  const wall = new HandWall();
  const clock = new HybridClock(wall, { last: null, driftMsMax: 2 });
  for (let count = 0; count < 3 * 4_096; count++) expect(isStamp(clock.now())).toBe(true);
  expect(hybridParts(clock.last as HybridTimestamp)).toEqual({ wall: startMs + 2, counter: 4_095 });
  expect(clock.now()).toEqual({ kind: 'refused', reason: 'own-ahead', aheadMs: 3, driftMsMax: 2 });
  wall.ms += 1;
  expect(clock.now()).toBe(stampAt(startMs + 3, 0));
});

test('a wall clock set back is ridden out within the bound and refused beyond it', () => {
  const wall = new HandWall();
  const clock = new HybridClock(wall, { last: null });
  clock.now();
  wall.ms -= 500;
  expect(clock.now()).toBe(stampAt(startMs, 1));
  wall.ms -= 1;
  expect(clock.now()).toMatchObject({ reason: 'own-ahead', aheadMs: 501 });
  expect(clock.receive(stampAt(wall.ms))).toMatchObject({ reason: 'own-ahead' });
  wall.ms += 1;
  expect(clock.now()).toBe(stampAt(startMs, 2));
});

test('after a restart it says how far the past lies ahead, and gives nothing smaller', () => {
  const wall = new HandWall();
  const clock = new HybridClock(wall, { last: stampAt(startMs + 2_000, 5) });
  expect(clock.aheadMs()).toBe(2_000);
  expect(clock.now()).toMatchObject({ kind: 'refused', reason: 'own-ahead', aheadMs: 2_000 });
  wall.ms += 1_500;
  expect(clock.now()).toBe(stampAt(startMs + 2_000, 6));
});

test('a wall clock outside of 2020 to 2089 is refused and leaves no trace', () => {
  const wall = new HandWall(0);
  const clock = new HybridClock(wall, { last: null });
  for (const ms of [0, hybridWallMin - 1, hybridWallMax + 1]) {
    wall.ms = ms;
    expect(clock.now()).toMatchObject({ kind: 'refused', reason: 'wall-out-of-range' });
  }
  wall.ms = startMs;
  expect(clock.now()).toBe(stampAt(startMs));
  wall.ms = hybridWallMax;
  for (let count = 0; count < 4_096; count++) expect(isStamp(clock.now())).toBe(true);
  expect(clock.now()).toMatchObject({ kind: 'refused', reason: 'own-ahead', aheadMs: 1 });
});

test('a bound that is none is misuse', () => {
  for (const driftMsMax of [-1, Number.NaN, Infinity])
    expect(() => new HybridClock(new HandWall(), { last: null, driftMsMax })).toThrow(
      expect.objectContaining({ kind: 'misuse' }),
    );
});

// A run of several nodes whose wall clocks are apart, jump both ways and stand still. Who knows of what is kept in
// vectors, which is the definition of happens-before that the timestamps are held against.
type Step =
  | { readonly kind: 'event' | 'send' | 'restart'; readonly node: number }
  | { readonly kind: 'receive'; readonly node: number; readonly pick: number }
  | { readonly kind: 'jump'; readonly node: number; readonly byMs: number }
  | { readonly kind: 'pass'; readonly byMs: number };

const nodeCount = 3;
const node = fc.nat({ max: nodeCount - 1 });
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constantFrom('event' as const, 'send' as const, 'restart' as const), node }),
  fc.record({ kind: fc.constant('send' as const), node }),
  fc.record({ kind: fc.constant('receive' as const), node, pick: fc.nat() }),
  fc.record({ kind: fc.constant('receive' as const), node, pick: fc.nat() }),
  fc.record({ kind: fc.constant('jump' as const), node, byMs: fc.integer({ min: -2_000, max: 2_000 }) }),
  fc.record({ kind: fc.constant('pass' as const), byMs: fc.nat({ max: 300 }) }),
);

interface Stamped {
  readonly timestamp: HybridTimestamp;
  readonly node: number;
  readonly knows: readonly number[];
}

class Run {
  readonly driftMsMax: number;
  readonly walls: HandWall[];
  readonly clocks: HybridClock[];
  readonly knows: number[][];
  readonly messages: Stamped[] = [];
  readonly events: Stamped[] = [];
  refusedCount = 0;

  constructor(skewsMs: readonly number[], driftMsMax: number) {
    this.driftMsMax = driftMsMax;
    this.walls = skewsMs.map((skewMs) => new HandWall(startMs + skewMs));
    this.clocks = this.walls.map((wall) => new HybridClock(wall, { last: null, driftMsMax }));
    this.knows = skewsMs.map(() => skewsMs.map(() => 0));
  }

  take(step: Step): void {
    if (step.kind === 'pass') for (const wall of this.walls) wall.ms += step.byMs;
    else if (step.kind === 'jump') this.wallOf(step.node).ms += step.byMs;
    else if (step.kind === 'restart') {
      const last = this.clockOf(step.node).last;
      this.clocks[step.node] = new HybridClock(this.wallOf(step.node), { last, driftMsMax: this.driftMsMax });
    } else if (step.kind === 'receive') {
      const message = this.messages[step.pick % Math.max(1, this.messages.length)];
      if (message !== undefined) this.stamp(step.node, message);
    } else {
      const stamped = this.stamp(step.node, null);
      if (step.kind === 'send' && stamped !== null) this.messages.push(stamped);
    }
  }

  stamp(node: number, cause: Stamped | null): Stamped | null {
    const clock = this.clockOf(node);
    const before = clock.last;
    const outcome = cause === null ? clock.now() : clock.receive(cause.timestamp);
    const wallMs = this.wallOf(node).ms;
    if (!isStamp(outcome)) {
      // A refusal changes nothing, and has its reason: what it would have given lies beyond the bound.
      this.refusedCount++;
      expect(clock.last).toBe(before);
      expect(outcome.aheadMs).toBeGreaterThan(this.driftMsMax);
      return null;
    }
    expect(clock.last).toBe(outcome);
    expect(hybridWall(outcome)).toBeGreaterThanOrEqual(wallMs);
    expect(hybridWall(outcome)).toBeLessThanOrEqual(wallMs + this.driftMsMax);
    const knows = (this.knows[node] ?? []).map((own, index) => Math.max(own, cause?.knows[index] ?? 0));
    knows[node] = (knows[node] ?? 0) + 1;
    this.knows[node] = knows;
    const stamped = { timestamp: outcome, node, knows };
    this.events.push(stamped);
    return stamped;
  }

  clockOf(node: number): HybridClock {
    return this.clocks[node] ?? expect.unreachable();
  }
  wallOf(node: number): HandWall {
    return this.walls[node] ?? expect.unreachable();
  }
}

const happenedBefore = (a: Stamped, b: Stamped): boolean => (b.knows[a.node] ?? 0) >= (a.knows[a.node] ?? 0) && a !== b;

test('if e caused f then ts(e) < ts(f), with skew, jumps, refusals and restarts; each is close to its wall clock (§3)', () => {
  let [acrossCount, refusedCount] = [0, 0];
  const skews = fc.tuple(...Array.from({ length: nodeCount }, () => fc.integer({ min: -400, max: 400 })));
  fc.assert(
    fc.property(
      skews,
      fc.constantFrom(0, 10, 500),
      fc.array(step, { minLength: 20, maxLength: 60 }),
      (skewsMs, driftMsMax, steps) => {
        const run = new Run(skewsMs, driftMsMax);
        for (const one of steps) run.take(one);
        for (const a of run.events)
          for (const b of run.events)
            if (happenedBefore(a, b)) {
              if (a.node !== b.node) acrossCount++;
              expect(a.timestamp).toBeLessThan(b.timestamp);
            }
        refusedCount += run.refusedCount;
      },
    ),
    { numRuns: 300 },
  );
  // The runs were not empty of what the claim is about.
  expect(acrossCount).toBeGreaterThan(1_000);
  expect(refusedCount).toBeGreaterThan(100);
});
