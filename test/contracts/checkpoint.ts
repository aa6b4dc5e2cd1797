/**
 * The contract of checkpoint stores: what `src/checkpoint/port.ts` promises, as tests. Every store passes the same
 * ones; what survives crashes and lost answers is in `test/sim/checkpoint.test.ts`.
 */
import { describe, expect, test } from 'vitest';
import { bytesOf, contentOf } from '../../src/checkpoint/content.ts';
import { contentName, type FileName } from '../../src/checkpoint/file-name.ts';
import type { CheckpointStore, Content, Pointer } from '../../src/checkpoint/port.ts';
import { isLockstepError, type ErrorKind } from '../../src/kernel/errors.ts';

export interface CheckpointWorld {
  /** Opens the store again, as another process would. */
  readonly open: () => Promise<CheckpointStore>;
  /** Changes what is stored under the name, as rot would; the size stays. */
  readonly damage: (name: FileName) => Promise<void>;
}

/** Runs the body in a world of its own, with nothing stored. */
export type CheckpointHarness = (body: (world: CheckpointWorld) => Promise<void>) => Promise<void>;

export function someBytes(text: string, byteCount = text.length): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(byteCount);
  for (let at = 0; at < byteCount; at++) bytes[at] = text.charCodeAt(at % text.length) + (at >> 8);
  return bytes;
}

export async function keep(store: CheckpointStore, text: string, sort = ''): Promise<FileName> {
  const bytes = someBytes(text);
  const name = contentName(bytes, sort);
  await store.put(name, contentOf(bytes));
  return name;
}

export async function namesIn(store: CheckpointStore): Promise<readonly FileName[]> {
  const names: FileName[] = [];
  for await (const page of store.list()) names.push(...page.map(({ name }) => name));
  return names;
}

export async function readAll(store: CheckpointStore, name: FileName): Promise<Uint8Array | null> {
  const found = await store.get(name);
  return found === null ? null : bytesOf(found.content, 100_000_000);
}

async function moved(store: CheckpointStore, to: FileName, ifWas: Pointer | null): Promise<Pointer> {
  const outcome = await store.point(to, ifWas);
  if (outcome.kind === 'moved') return outcome.pointer;
  throw new Error(`the pointer is moved, not in conflict with ${JSON.stringify(outcome.is)}`);
}

async function kindOf(call: () => Promise<unknown>): Promise<ErrorKind | null> {
  try {
    await call();
    return null;
  } catch (error) {
    if (isLockstepError(error)) return error.kind;
    throw error;
  }
}

type Claim = (claim: string, body: (store: CheckpointStore, world: CheckpointWorld) => Promise<void>) => void;

export function checkpointContract(name: string, run: CheckpointHarness): void {
  describe(`${name} keeps the contract of checkpoint stores`, () => {
    const claim: Claim = (text, body) => test(text, () => run(async (world) => body(await world.open(), world)));
    fileClaims(claim);
    contentClaims(claim);
    pointerClaims(claim);
  });
}

function fileClaims(claim: Claim): void {
  claim('a file that was put is read back, by another too', async (store, { open }) => {
    const bytes = someBytes('content', 700_000);
    const name = contentName(bytes, 'sst');
    expect(await store.put(name, contentOf(bytes))).toBe('stored');
    for (const one of [store, await open()]) {
      expect((await one.get(name))?.byteCount).toBe(bytes.length);
      expect(await readAll(one, name)).toEqual(bytes);
    }
  });

  claim('a file that is there already is not read again', async (store, { open }) => {
    const name = await keep(store, 'a');
    let asked = false;
    async function* never(): Content {
      asked = true;
      yield someBytes('a');
    }
    expect(await (await open()).put(name, never())).toBe('already');
    expect(asked).toBe(false);
  });

  claim('an empty file is a file', async (store) => {
    const name = contentName(new Uint8Array(0));
    expect(await store.put(name, contentOf(new Uint8Array(0)))).toBe('stored');
    expect(await readAll(store, name)).toEqual(new Uint8Array(0));
    expect(await store.put(name, contentOf(new Uint8Array(0)))).toBe('already');
  });

  claim('what is not there is null, and removing it is no error', async (store) => {
    const name = contentName(someBytes('never'));
    expect(await store.get(name)).toBeNull();
    await store.remove(name);
    expect(await namesIn(store)).toEqual([]);
  });

  claim('a removed file is gone, and can be put again', async (store) => {
    const [a, b] = [await keep(store, 'a'), await keep(store, 'b')];
    await store.remove(a);
    expect([await store.get(a), await namesIn(store)]).toEqual([null, [b]]);
    expect(await store.put(a, contentOf(someBytes('a')))).toBe('stored');
    expect(await readAll(store, a)).toEqual(someBytes('a'));
  });

  claim('the list has every file once, by name, with its size', async (store) => {
    const names: FileName[] = [];
    for (let index = 0; index < 25; index++)
      names.push(await keep(store, `file ${index}`, index % 2 === 0 ? 'sst' : ''));
    await store.point(names[0] as FileName, null);
    expect(await namesIn(store)).toEqual(names.toSorted());
    for await (const page of store.list()) {
      for (const { name, byteCount } of page) expect(byteCount).toBe((await readAll(store, name))?.length);
    }
  });

  claim('of many who put one content at once all succeed, and one file is there', async (store, { open }) => {
    const other = await open();
    const names = await Promise.all([store, other, store, other].map((one) => keep(one, 'the same')));
    expect(await namesIn(store)).toEqual([names[0]]);
    expect(await readAll(other, names[0] as FileName)).toEqual(someBytes('the same'));
  });
}

function contentClaims(claim: Claim): void {
  claim('a content that is not what its name says is corrupt, and nothing is stored', async (store) => {
    const name = contentName(someBytes('right'));
    expect(await kindOf(() => store.put(name, contentOf(someBytes('wrong'))))).toBe('corrupt');
    expect([await store.get(name), await namesIn(store)]).toEqual([null, []]);
    expect(await store.put(name, contentOf(someBytes('right')))).toBe('stored');
  });

  claim('a content that fails while it is read fails the put with its own error', async (store) => {
    const failure = new Error('the source is gone');
    async function* failing(): Content {
      yield someBytes('be');
      throw failure;
    }
    await expect(store.put(contentName(someBytes('begun')), failing())).rejects.toBe(failure);
    expect(await namesIn(store)).toEqual([]);
  });

  claim('damage is corrupt before the content comes to its end', async (store, { damage }) => {
    const bytes = someBytes('damaged', 600_000);
    const name = contentName(bytes);
    await store.put(name, contentOf(bytes));
    await damage(name);
    expect(await kindOf(() => readAll(store, name))).toBe('corrupt');
  });

  claim('whoever stops reading in between leaves nothing behind', async (store) => {
    const bytes = someBytes('long', 700_000);
    const name = contentName(bytes);
    await store.put(name, contentOf(bytes));
    for await (const piece of (await store.get(name))?.content ?? []) {
      expect(piece.length).toBeLessThan(bytes.length);
      break;
    }
    await store.remove(name);
    expect(await namesIn(store)).toEqual([]);
  });

  claim('what is no name is misuse', async (store) => {
    for (const wrong of ['', 'a', '../escape', `${'0'.repeat(64)}/x`, `${'0'.repeat(64)}.`, 'F'.repeat(64)]) {
      const name = wrong as FileName;
      expect(await kindOf(() => store.put(name, contentOf(someBytes('a'))))).toBe('misuse');
      expect(await kindOf(() => store.get(name))).toBe('misuse');
      expect(await kindOf(() => store.remove(name))).toBe('misuse');
      expect(await kindOf(() => store.point(name, null))).toBe('misuse');
    }
  });
}

function pointerClaims(claim: Claim): void {
  claim('the pointer is null before it is moved, then where it was moved to', async (store, { open }) => {
    expect(await store.pointer()).toBeNull();
    const [a, b] = [await keep(store, 'a'), await keep(store, 'b')];
    const first = await moved(store, a, null);
    expect(first).toMatchObject({ to: a, number: 1 });
    expect(await (await open()).pointer()).toEqual(first);
    const second = await moved(store, b, first);
    expect(second).toMatchObject({ to: b, number: 2 });
    expect(await (await open()).pointer()).toEqual(second);
  });

  claim('a move from where the pointer is not is a conflict that says where it is', async (store, { open }) => {
    const [a, b] = [await keep(store, 'a'), await keep(store, 'b')];
    const first = await moved(store, a, null);
    const other = await open();
    expect(await other.point(b, null)).toEqual({ kind: 'conflict', is: first });
    const second = await moved(other, b, first);
    expect(await store.point(a, first)).toEqual({ kind: 'conflict', is: second });
    expect(await store.point(a, { ...second, token: 'of another' })).toEqual({ kind: 'conflict', is: second });
    expect(await store.pointer()).toEqual(second);
  });

  claim('back to where it was is a new place: who saw the old one is in conflict', async (store) => {
    const [a, b] = [await keep(store, 'a'), await keep(store, 'b')];
    const first = await moved(store, a, null);
    const third = await moved(store, a, await moved(store, b, first));
    expect(third).toMatchObject({ to: a, number: 3 });
    expect(await store.point(b, first)).toEqual({ kind: 'conflict', is: third });
  });

  claim('of many who move from one place at once, one does', async (store, { open }) => {
    const stores = [store, await open(), await open(), store];
    const names = await Promise.all(stores.map((one, index) => keep(one, `by ${index}`)));
    let was: Pointer | null = null;
    for (let round = 0; round < 5; round++) {
      const outcomes = await Promise.all(stores.map((one, index) => one.point(names[index] as FileName, was)));
      const winners = outcomes.filter((outcome) => outcome.kind === 'moved');
      expect(winners).toHaveLength(1);
      was = await store.pointer();
      expect(winners[0]?.pointer).toEqual(was);
    }
  });

  claim('the pointer does not lead to a file that is not there', async (store) => {
    expect(await kindOf(() => store.point(contentName(someBytes('never')), null))).toBe('misuse');
    expect(await store.pointer()).toBeNull();
  });

  claim('a hundred moves leave one pointer', async (store) => {
    const names = [await keep(store, 'a'), await keep(store, 'b')];
    let was: Pointer | null = null;
    for (let index = 0; index < 100; index++) was = await moved(store, names[index % 2] as FileName, was);
    expect(await store.pointer()).toEqual(was);
    expect(was?.number).toBe(100);
    expect(await namesIn(store)).toEqual(names.toSorted());
  });
}
