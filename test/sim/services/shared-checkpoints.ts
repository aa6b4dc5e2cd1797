/** A checkpoint store that all nodes reach, and that outlives them; its answers are lost, and its files are damaged. */
import type { Env } from 'lockstep/env';
import { LockstepError } from 'lockstep/env';
import { contentOf, joined, verified } from '../../../src/checkpoint/content.ts';
import type { FileName } from '../../../src/checkpoint/file-name.ts';
import type { CheckpointStore, Content, Pointer, PointOutcome, StoredFile } from '../../../src/checkpoint/port.ts';

type Answered = <T>(kind: 'unavailable' | 'unknown', act: () => T) => Promise<T>;

export class SharedCheckpoints {
  readonly files: Map<FileName, Uint8Array> = new Map();
  pointer: Pointer | null = null;
  /** How often an answer is lost, half of them after it took effect. */
  lostChance = 0;

  readonly #whole = new Map<FileName, Uint8Array>();

  /** Turns a bit of some file over, but not of the catalogue. */
  damage(random: { below(bound: number): number }): void {
    const names = [...this.files.keys()].filter((name) => name !== this.pointer?.to);
    const [name] = names.slice(random.below(Math.max(1, names.length)));
    const bytes = name === undefined ? undefined : this.files.get(name);
    if (name === undefined || bytes === undefined) return;
    if (!this.#whole.has(name)) this.#whole.set(name, bytes); // it may be damaged already
    const at = random.below(bytes.length);
    this.files.set(name, bytes.with(at, (bytes[at] ?? 0) ^ 1));
  }

  /** An operator puts back what was damaged. */
  mend(): void {
    for (const [name, bytes] of this.#whole) if (this.files.has(name)) this.files.set(name, bytes);
    this.#whole.clear();
  }

  /** As one node reaches it. */
  of(env: Env): CheckpointStore {
    const answered: Answered = async (kind, act) => {
      await env.sleep(`${1 + Math.floor(env.random() * 5)}ms`);
      const isLost = env.random() < this.lostChance;
      if (isLost && env.random() < 0.5) throw new LockstepError(kind, 'the request was lost');
      const answer = act();
      if (isLost) throw new LockstepError(kind, 'the answer was lost');
      return answer;
    };
    return {
      list: () => this.#list(answered),
      put: async (name, content) => {
        const bytes = await whole(verified(name, content, 'put'));
        return answered('unknown', () => {
          if (this.files.has(name)) return 'already';
          this.files.set(name, bytes);
          return 'stored';
        });
      },
      get: (name) =>
        answered('unavailable', () => {
          const bytes = this.files.get(name);
          if (bytes === undefined) return null;
          return { byteCount: bytes.length, content: verified(name, contentOf(bytes), name) };
        }),
      remove: (name) => answered('unknown', () => void this.files.delete(name)),
      pointer: () => answered('unavailable', () => this.pointer),
      point: (to, ifWas) =>
        answered('unknown', (): PointOutcome => {
          if (ifWas?.number !== this.pointer?.number) return { kind: 'conflict', is: this.pointer };
          this.pointer = { to, number: (this.pointer?.number ?? 0) + 1, token: to };
          return { kind: 'moved', pointer: this.pointer };
        }),
    };
  }

  async *#list(answered: Answered): AsyncGenerator<readonly StoredFile[], void> {
    yield await answered('unavailable', () =>
      [...this.files].map(([name, { length }]) => ({ name, byteCount: length })),
    );
  }
}

async function whole(content: Content): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of content) pieces.push(piece);
  return joined(
    pieces,
    pieces.reduce((sum, { length }) => sum + length, 0),
  );
}
