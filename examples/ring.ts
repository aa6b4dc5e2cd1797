/**
 * Two uses of one ring. First requests are balanced over stateless workers, each user's to the same worker while it can
 * take them, and one worker becomes slow, one joins, one leaves. Then a cache is spread over servers, and one more joins.
 * Time is counted by hand, so that every run prints the same.
 */
import { BoundedLoad, HashRing, Rendezvous } from 'lockstep/ring';

const workers = ['w-1', 'w-2', 'w-3', 'w-4'].map((name) => ({ name }));
const requestsPerMs = 4;

interface Request {
  readonly worker: string;
  readonly endsAt: number;
}

/** A second of requests; what a ring alone would do beside what bounded load does. */
function serve(title: string, loads: BoundedLoad, msOf: (worker: string) => number): void {
  const counts = new Map<string, number>();
  let [underWay, sumMs, ownCount, highest] = [[] as readonly Request[], 0, 0, 0];
  for (let ms = 0; ms < 1_000; ms++) {
    for (const { worker } of underWay.filter(({ endsAt }) => endsAt <= ms)) loads.release(worker);
    underWay = underWay.filter(({ endsAt }) => endsAt > ms);
    for (let count = 0; count < requestsPerMs; count++) {
      const user = `user-${(ms * 7 + count * 31) % 400}`;
      const worker = loads.acquire(user);
      if (worker === null) throw new Error('there are no workers');
      underWay = [...underWay, { worker, endsAt: ms + msOf(worker) }];
      counts.set(worker, (counts.get(worker) ?? 0) + 1);
      sumMs += msOf(worker);
      ownCount += worker === loads.ring.nodeOf(user) ? 1 : 0;
      highest = Math.max(highest, loads.loadOf(worker));
    }
  }
  for (const { worker } of underWay) loads.release(worker);
  const all = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const shares = [...counts].toSorted(([a], [b]) => (a < b ? -1 : 1));
  console.log(`${title}:`);
  console.log('  requests ', shares.map(([worker, count]) => `${worker} ${count}`).join(', '));
  console.log(`  at once   at most ${highest} at one worker; mean ${(sumMs / all).toFixed(1)} ms`);
  console.log(`  own worker ${((ownCount / all) * 100).toFixed(0)} %`);
}

const ring = HashRing.of(workers);
const slow = (worker: string): number => (worker === 'w-2' ? 200 : 5);

serve('all workers take 5 ms', new BoundedLoad(ring), () => 5);
serve('w-2 takes 200 ms, load hardly bounded', new BoundedLoad(ring, { loadFactor: 1_000 }), slow);
const loads = new BoundedLoad(ring);
serve('w-2 takes 200 ms, load bounded', loads, slow);
loads.useRing(ring.join({ name: 'w-5', weight: 2 }));
serve('w-5 joins, twice as strong', loads, slow);
loads.useRing(loads.ring.leave('w-2'));
serve('w-2 leaves', loads, slow);

/** How many of the keys are still where they were, after a server more. */
const keys = Array.from({ length: 50_000 }, (_, at) => `page/${at}`);
function kept(title: string, before: (key: string) => string | null, after: (key: string) => string | null): void {
  const keptCount = keys.filter((key) => before(key) === after(key)).length;
  console.log(`  ${title.padEnd(12)} ${((keptCount / keys.length) * 100).toFixed(1)} % of the cache is still good`);
}

console.log('a cache on 10 servers, an 11th joins:');
const servers = Array.from({ length: 10 }, (_, at) => ({ name: `cache-${at}` }));
const caches = HashRing.of(servers);
const chosen = Rendezvous.of(servers);
const grown = [caches.join({ name: 'cache-10' }), chosen.join({ name: 'cache-10' })] as const;
kept(
  'ring',
  (key) => caches.nodeOf(key),
  (key) => grown[0].nodeOf(key),
);
kept(
  'rendezvous',
  (key) => chosen.nodeOf(key),
  (key) => grown[1].nodeOf(key),
);
const numbered = (count: number) => (key: string) => `cache-${Number(key.slice(5)) % count}`;
kept('number % n', numbered(10), numbered(11));
console.log('  page/17 is at', caches.nodeOf('page/17'), 'with a copy at', caches.nodesOf('page/17', 2)[1]);
