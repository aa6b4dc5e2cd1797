/** Our side of the partition's rows. */
import type { Partition } from '../../src/partition/partition.ts';
import type { Prepared, Side, WorkDone } from '../harness.ts';
import { type LogPlace, openLeading } from './grounds.ts';
import { fillPlaces, keysAtPlace, type Step, valueBytes, type Work, Workload } from './workload.ts';

/** Callers of the load that fills a partition. */
const fillers = 256;

export const placeName = (place: number): string => `account-${place}`;

/** Transactions until all were told. */
export function transacting(place: LogPlace, work: Work, name: string = place.name): Side {
  place.expect();
  const prepare = async (): Promise<Prepared> => {
    const { partition, close } = await openLeading(place);
    await fill(partition, work.keys);
    const workload = new Workload(work);
    const run = (): Promise<WorkDone> => workload.run((step) => transact(partition, step));
    return { run, close };
  };
  return { name, durability: place.durability, prepare };
}

export function fill(partition: Partition, keys: number): Promise<void> {
  return fillPlaces(keys, fillers, async (place, value) => {
    const outcome = await partition.transact(placeName(place), (tx) => {
      for (let key = 0; key < keysAtPlace; key++) tx.set(['entry', key], value);
    });
    if (outcome.kind !== 'committed') throw new Error(`a transaction of a benchmark is '${outcome.kind}'`);
  });
}

export async function transact(partition: Partition, { place, keys: [a, b, c], value }: Step): Promise<void> {
  const outcome = await partition.transact(placeName(place), (tx) => {
    const [first, second] = [tx.get(['entry', a]), tx.get(['entry', b])];
    tx.set(['entry', a], value);
    tx.set(['entry', b], value);
    tx.set(['entry', c], value);
    return (first as Uint8Array).length + (second as Uint8Array).length;
  });
  if (outcome.kind !== 'committed') throw new Error(`a transaction of a benchmark is '${outcome.kind}'`);
  if (outcome.value !== 2 * valueBytes) throw new Error('a transaction of a benchmark has not found what was written');
}
