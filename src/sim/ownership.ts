/** Who runs on a simulated machine. The machine knows, so nothing is ever unknown; asking takes a moment in which others go on. */
import type { Beacon, FileSystem, Ownership, ProcessName } from '../env/ownership.ts';
import { checkPath } from '../env/path.ts';
import { LockstepError } from '../kernel/errors.ts';
import type { SeededRandom } from '../kernel/random.ts';
import type { Process } from './machine.ts';

const callMs = [0.02, 0.5] as const;

export class SimOwnership implements Ownership {
  readonly self: ProcessName;
  readonly #process: Process;
  readonly #random: SeededRandom;

  constructor(process: Process) {
    this.#process = process;
    this.#random = process.random.fork('ownership');
    this.self = { pid: process.pid, host: process.machine.name };
  }

  async show(path: string): Promise<Beacon> {
    checkPath(path, 'below the root');
    const { beacons } = this.#process.machine;
    await this.#later(`show at ${path}`, () => this.#take(path));
    return {
      proof: 'socket',
      end: async () => {
        if (beacons.get(path) === this.#process) beacons.delete(path);
      },
    };
  }

  async look(path: string): Promise<'runs' | 'ended'> {
    checkPath(path, 'below the root');
    return this.#later(`look at ${path}`, () =>
      this.#process.machine.beacons.get(path)?.alive === true ? 'runs' : 'ended',
    );
  }

  fileSystemOf(directory: string): FileSystem {
    this.#process.check();
    checkPath(directory, 'root too');
    if (this.#process.machine.volume.entry(directory) !== 'directory')
      throw new LockstepError('disk-failed', 'there is no such directory', { values: { path: directory } });
    return { kind: 'local', name: 'simulated' };
  }

  #take(path: string): void {
    const { beacons } = this.#process.machine;
    if (beacons.get(path)?.alive === true)
      throw new LockstepError('in-use', 'somebody shows itself there', { values: { path } });
    beacons.set(path, this.#process);
  }

  /** A call of the system between processes: others go on meanwhile. */
  #later<T>(what: string, apply: () => T): Promise<T> {
    return this.#process.later(what, this.#random.between(...callMs), apply);
  }
}
