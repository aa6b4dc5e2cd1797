/**
 * The jobs that the contract of the jobs port runs. A module of their own: it is loaded on the threads of the real
 * world, where loading must have no effects.
 */
import type { Disk } from '../../../src/env/disk.ts';
import type { Job } from '../../../src/env/jobs.ts';
import { LockstepError } from '../../../src/kernel/errors.ts';

const module = import.meta.url;

export const sum: Job<readonly number[], number> = {
  kind: 'job',
  name: 'sum',
  module,
  run: (numbers) => numbers.reduce((one, other) => one + other, 0),
};

export const later: Job<string, string> = {
  kind: 'job',
  name: 'later',
  module,
  run: async (text) => {
    await Promise.resolve();
    return `${text}, later`;
  },
};

/** Gives back what it got, changed, so that sharing it would show. */
export const changed: Job<Parcel, Parcel> = {
  kind: 'job',
  name: 'changed',
  module,
  run: (parcel) => {
    parcel.bytes.fill(9);
    parcel.names.set('job', 1n);
    return parcel;
  },
};

export interface Parcel {
  readonly bytes: Uint8Array;
  readonly names: Map<string, bigint>;
  readonly at: Date;
}

export const refusing: Job<'ours' | 'type-error' | 'text', never> = {
  kind: 'job',
  name: 'refusing',
  module,
  run: (how) => {
    if (how === 'ours') throw new LockstepError('corrupt', 'the sum does not fit', { values: { offset: 42 } });
    if (how === 'type-error') throw new TypeError('not so');
    throw 'a text alone'; // what careless code throws must arrive too
  },
};

/** What it gives cannot be cloned. */
export const uncloneable: Job<null, () => number> = { kind: 'job', name: 'uncloneable', module, run: () => () => 1 };

/** Writes a line to the end of a file, and tells how long the file was. */
export const append: Job<{ readonly path: string; readonly line: string }, number> = {
  kind: 'job',
  name: 'append',
  module,
  run: ({ path, line }, disk: Disk) => {
    const file = disk.open(path, 'write') ?? disk.open(path, 'create');
    if (file === null) throw new Error('neither there nor to be made');
    const size = file.size();
    file.write(new TextEncoder().encode(`${line}\n`), size);
    file.close();
    return size;
  },
};
