import { expect, test } from 'vitest';
import { SeededRandom } from '../kernel/random.ts';
import { Inode, sectorBytes } from './inode.ts';
import { Volume } from './volume.ts';

const filled = (value: number, count: number): Uint8Array => new Uint8Array(count).fill(value);
const read = (file: Inode): Uint8Array => {
  const bytes = new Uint8Array(file.size);
  file.read(bytes, 0);
  return bytes;
};

/** What is left of one file, by sector, over many power losses: the set of all outcomes seen. */
function outcomes(prepare: (file: Inode, random: SeededRandom) => void, seeds = 400): Set<string> {
  const seen = new Set<string>();
  for (let seed = 0; seed < seeds; seed++) {
    const random = new SeededRandom(seed);
    const file = new Inode();
    prepare(file, random);
    file.losePower(random);
    const sectors: string[] = [];
    const bytes = read(file);
    for (let at = 0; at < bytes.length; at += sectorBytes) {
      const sector = new Set(bytes.subarray(at, at + sectorBytes));
      expect(sector.size).toBe(1); // never torn inside a sector
      sectors.push([...sector].join());
    }
    seen.add(sectors.join(' '));
  }
  return seen;
}

test('what was synced survives the loss of power', () => {
  const left = outcomes((file) => {
    file.write(filled(7, 2 * sectorBytes), 0);
    file.syncUpTo(file.newest);
  });
  expect([...left]).toEqual(['7 7']);
});

test('of what was not synced any subset of sectors survives, the rest is as it was', () => {
  const left = outcomes((file) => {
    file.write(filled(1, 3 * sectorBytes), 0);
    file.syncUpTo(file.newest);
    file.write(filled(2, 3 * sectorBytes), 0);
  });
  expect([...left].sort()).toEqual(['1 1 1', '1 1 2', '1 2 1', '1 2 2', '2 1 1', '2 1 2', '2 2 1', '2 2 2']);
});

test('a later write may survive an earlier one, and what lies between reads as zeros', () => {
  const left = outcomes((file) => {
    file.write(filled(1, sectorBytes), 0);
    file.write(filled(2, sectorBytes), sectorBytes);
  });
  expect(left).toContain('0 2');
  expect(left).toContain('1 2');
  expect(left).toContain('');
});

test('a sync covers what was written before it began, and nothing later', () => {
  const left = outcomes((file) => {
    file.write(filled(1, sectorBytes), 0);
    const upTo = file.newest;
    file.write(filled(2, sectorBytes), 0);
    file.syncUpTo(upTo);
  });
  expect([...left].sort()).toEqual(['1', '2']);
});

test('after a failed sync reads still return the new bytes, and a later sync does not bring them to the platter', () => {
  const lost = new Set<string>();
  for (let seed = 0; seed < 100; seed++) {
    const random = new SeededRandom(seed);
    const file = new Inode();
    file.write(filled(1, sectorBytes), 0);
    file.syncUpTo(file.newest);
    file.write(filled(2, sectorBytes), 0);
    file.loseUpTo(file.newest, random);
    expect(read(file)[0]).toBe(2);
    file.syncUpTo(file.newest);
    file.losePower(random);
    lost.add(String(read(file)[0]));
  }
  expect([...lost].sort()).toEqual(['1', '2']);
});

test('a shorter or longer file after a truncate that was not synced is either of the two', () => {
  const left = outcomes((file) => {
    file.write(filled(1, 2 * sectorBytes), 0);
    file.syncUpTo(file.newest);
    file.truncate(sectorBytes);
  });
  expect([...left].sort()).toEqual(['1', '1 1']);
});

function namesAfterPowerLoss(prepare: (volume: Volume) => void): Set<string> {
  const seen = new Set<string>();
  for (let seed = 0; seed < 200; seed++) {
    const volume = new Volume(new SeededRandom(seed));
    prepare(volume);
    volume.losePower();
    seen.add(
      volume
        .children('')
        .map(([name]) => name)
        .join(' '),
    );
  }
  return seen;
}

test('a created file may vanish unless its directory was synced, even when the file itself was', () => {
  const left = namesAfterPowerLoss((volume) => {
    const file = new Inode();
    volume.set('a', file);
    file.write(filled(1, 1), 0);
    file.syncUpTo(file.newest);
  });
  expect([...left].sort()).toEqual(['', 'a']);
  const synced = namesAfterPowerLoss((volume) => {
    volume.set('a', new Inode());
    volume.syncNames('', volume.newest);
  });
  expect([...synced]).toEqual(['a']);
});

test('a rename that was not synced has happened or not, never half', () => {
  const left = namesAfterPowerLoss((volume) => {
    const file = new Inode();
    volume.set('a', file);
    volume.syncNames('', volume.newest);
    volume.rename('a', 'b', file);
  });
  expect([...left].sort()).toEqual(['a', 'b']);
});

test('what lies below a directory that vanishes, vanishes with it', () => {
  const left = namesAfterPowerLoss((volume) => {
    volume.set('d', 'directory');
    volume.set('d/a', new Inode());
    volume.syncNames('d', volume.newest);
  });
  expect([...left].sort()).toEqual(['', 'd']);
});

test('syncing one directory says nothing about another', () => {
  const left = namesAfterPowerLoss((volume) => {
    volume.set('d', 'directory');
    volume.set('a', new Inode());
    volume.syncNames('d', volume.newest);
  });
  expect(left).toContain('');
});

test('rot flips one bit, in the cache and on the platter', () => {
  const volume = new Volume(new SeededRandom(1));
  const file = new Inode();
  volume.set('a', file);
  file.write(filled(0, 10), 0);
  file.syncUpTo(file.newest);
  const where = volume.rot(null, null);
  expect(where?.path).toBe('a');
  const changed = read(file).filter((byte) => byte !== 0);
  expect(changed.length).toBe(1);
  expect(file.durableBytes()[where?.position ?? -1]).toBe(changed[0]);
  expect(volume.rot('nothing', null)).toBeNull();
});
