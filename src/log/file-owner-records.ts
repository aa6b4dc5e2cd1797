/**
 * Who had a directory, one after another: files `owner-<number>`, of which the newest counts. Whoever creates the next
 * number has the directory, and of several who try one does: that is the atomic step. Numbers only grow (who leaves
 * writes a number that names nobody), so whoever was stopped between looking and creating is found out by looking again.
 */
import type { Disk } from '../env/disk.ts';
import type { Beacon, ProcessName } from '../env/ownership.ts';
import { LockstepError } from '../kernel/errors.ts';
import { join } from './file-format.ts';

/** Who has a directory. */
export interface Owner extends ProcessName {
  /** When it opened, in ISO 8601, by its own clock: to be read by people. */
  readonly since: string;
  /** 16 random bytes in hexadecimal, made at opening. */
  readonly token: string;
  /** How it shows that it runs. */
  readonly proof: Beacon['proof'];
}

export interface OwnerRecord {
  /** 0: there was none yet. */
  readonly number: number;
  /** Null: nobody. */
  readonly owner: Owner | null;
}

const recordName = /^owner-(\d{10,15})$/;
const nameOf = (number: number): string => `owner-${String(number).padStart(10, '0')}`;
/** Where an owner shows that it runs. */
export const beaconPath = (directory: string, token: string): string => join(directory, `owner-${token}.sock`);

export class OwnerRecords {
  readonly #disk: Disk;
  readonly #directory: string;

  constructor(disk: Disk, directory: string) {
    this.#disk = disk;
    this.#directory = directory;
  }

  newest(): OwnerRecord {
    for (;;) {
      const number = this.#numbers().at(-1) ?? 0;
      if (number === 0) return { number, owner: null };
      const bytes = this.#read(number);
      if (bytes !== null) return { number, owner: decode(bytes) };
    }
  }

  /** Writes the next number; false when somebody else has, or is further. The older ones go, oldest first. */
  async put(number: number, owner: Owner | null, token: string): Promise<boolean> {
    const draft = join(this.#directory, `owner-${token}.draft`);
    const file = this.#disk.open(draft, 'create');
    if (file === null) throw new LockstepError('disk-failed', 'a random name was taken', { values: { path: draft } });
    try {
      file.write(new TextEncoder().encode(`${JSON.stringify(owner)}\n`), 0);
    } finally {
      file.close();
    }
    const path = this.#path(number);
    const linked = this.#disk.link(draft, path);
    await this.#disk.remove(draft);
    if (linked === 'taken') return false;
    const numbers = this.#numbers();
    if ((numbers.at(-1) ?? 0) > number) {
      await this.#disk.remove(path); // it was looked for long ago: others came and went
      return false;
    }
    for (const older of numbers) if (older < number) await this.#forget(older);
    return true;
  }

  async #forget(number: number): Promise<void> {
    const bytes = this.#read(number);
    const owner = bytes === null ? null : decode(bytes);
    if (owner !== null) await this.#disk.remove(beaconPath(this.#directory, owner.token));
    await this.#disk.remove(this.#path(number));
  }

  #numbers(): readonly number[] {
    const entries = this.#disk.list(this.#directory) ?? [];
    const numbers = entries.map(({ name }) => Number(recordName.exec(name)?.[1] ?? 0));
    return numbers.filter((number) => number > 0).toSorted((one, other) => one - other);
  }

  /** Null: it went meanwhile. */
  #read(number: number): Uint8Array | null {
    const file = this.#disk.open(this.#path(number), 'read');
    if (file === null) return null;
    try {
      const bytes = new Uint8Array(Math.min(file.size(), 4_096));
      return bytes.subarray(0, file.read(bytes, 0));
    } finally {
      file.close();
    }
  }

  #path(number: number): string {
    return join(this.#directory, nameOf(number));
  }
}

/** Null for nobody, and for what is torn: records are not synced, and a loss of power that tears one ends its owner too. */
function decode(bytes: Uint8Array): Owner | null {
  try {
    const found: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return isOwner(found) ? found : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

function isOwner(found: unknown): found is Owner {
  if (typeof found !== 'object' || found === null) return false;
  const { pid, host, since, token, proof } = found as Record<string, unknown>;
  const isToken = typeof token === 'string' && /^[0-9a-f]{32}$/.test(token);
  const isProof = proof === 'socket' || proof === 'pid';
  return typeof pid === 'number' && isToken && isProof && [host, since].every((one) => typeof one === 'string');
}
