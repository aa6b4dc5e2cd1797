/** Against a sort by keys. */
import { expect, test } from 'vitest';
import { compareBytes } from '../bytes/compare.ts';
import { SeededRandom } from '../kernel/random.ts';
import { keyOrder, type KeySlab } from './key-order.ts';

function slabOf(keys: readonly Uint8Array[]): KeySlab {
  const [starts, lengths] = [new Uint32Array(keys.length), new Uint32Array(keys.length)];
  const bytes = new Uint8Array(keys.reduce((sum, key) => sum + key.length, 0));
  let at = 0;
  for (const [id, key] of keys.entries()) {
    bytes.set(key, at);
    [starts[id], lengths[id]] = [at, key.length];
    at += key.length;
  }
  return { bytes, starts, lengths };
}

test('as sorted by comparing, whatever the keys begin with alike, and with keys that are beginnings of others', () => {
  for (let seed = 0; seed < 300; seed++) {
    const random = new SeededRandom(seed);
    const shared = new Uint8Array(random.below(12)).fill(random.below(3));
    const [alphabet, longest] = [1 + random.below(seed % 3 === 0 ? 256 : 3), random.below(12)];
    const unique = new Map<string, Uint8Array>();
    for (let count = random.below(400); count > 0; count--) {
      const rest = Array.from({ length: random.below(longest + 1) }, () => random.below(alphabet));
      const key = Uint8Array.of(...shared, ...rest);
      unique.set(key.join(), key);
    }
    const keys = [...unique.values()];
    const expected = keys.toSorted(compareBytes).map((key) => key.join());
    const slab = slabOf(keys);
    expect([...keyOrder(slab, keys.length)].map((id) => keys[id]?.join())).toEqual(expected);
  }
});
