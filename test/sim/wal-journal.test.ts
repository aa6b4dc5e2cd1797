/** What a journal promises beside the storm: limits, marks, live reading, files that are not its own, views of others. */
import type { Disk, Env } from 'lockstep/env';
import { simulate, type World } from 'lockstep/sim';
import { expect, test } from 'vitest';
import { openJournal, type Journal } from '../../src/wal/journal.ts';
import type { JournalOptions } from '../../src/wal/journal-options.ts';
import { viewJournal } from '../../src/wal/journal-view.ts';
import { journalPosition } from '../../src/wal/position.ts';

const limits = {
  segmentBytes: 8_192,
  groupBytesMax: 1_024,
  waitingBytesMax: 3_000,
  spareCountMax: 1,
  markAfterMs: 100,
};
const options: JournalOptions = { directory: 'd', prefix: 'j', create: true, limits };

const inWorld = async (body: (env: Env, world: World) => Promise<void>): Promise<void> => {
  await simulate({ seeds: 3, weather: 'calm' }, (world) => world.run('node', (env) => body(env, world)));
};

async function open(env: Env, changes: Partial<JournalOptions> = {}): Promise<Journal> {
  return (await openJournal(env, { ...options, ...changes })) ?? expect.unreachable();
}

const bytesOf = (size: number, fill = 1): Uint8Array => new Uint8Array(size).fill(fill);

async function appendAll(journal: Journal, count: number, size: number): Promise<void> {
  for (let index = 0; index < count; index++) {
    expect(await journal.append([bytesOf(size, index)])).toMatchObject({ kind: 'appended' });
  }
}

const segmentNames = (disk: Disk): readonly string[] =>
  (disk.list('d') ?? []).map(({ name }) => name).filter((name) => name.endsWith('.seg'));

test('none is made unless asked for, and what the owner stored comes back', async () => {
  await inWorld(async (env) => {
    expect(await openJournal(env, { ...options, create: false })).toBeNull();
    const made = await open(env, { origin: bytesOf(40, 7), firstPosition: 100 });
    expect([made.first, made.next, made.recovered]).toEqual([100, 100, { created: true, cut: null }]);
    expect(await made.append([bytesOf(1), bytesOf(0)])).toEqual({ kind: 'appended', first: 100, last: 101 });
    await made.close();
    const again = await open(env, { create: false });
    expect([again.first, again.next, again.recovered.created]).toEqual([100, 102, false]);
    expect([again.origin, again.id]).toEqual([bytesOf(40, 7), made.id]);
    await again.close();
    await expect(again.append([bytesOf(1)])).rejects.toMatchObject({ kind: 'stopped' });
  });
});

test('what waits is bounded: append says full and takes nothing, and room comes back', async () => {
  await inWorld(async (env) => {
    const journal = await open(env);
    const kinds = await Promise.all(
      Array.from({ length: 20 }, async () => (await journal.append([bytesOf(500)])).kind),
    );
    expect(kinds.filter((kind) => kind === 'appended').length).toBe(5);
    expect(kinds.filter((kind) => kind === 'full').length).toBe(15);
    const taken = journal.append([bytesOf(900), bytesOf(90)]);
    for (let count = 0; count < 4; count++) void journal.append([bytesOf(900)]);
    expect(journal.waitingBytes).toBeLessThanOrEqual(limits.waitingBytesMax);
    await journal.room();
    expect(journal.waitingBytes).toBeLessThanOrEqual(limits.waitingBytesMax / 2);
    expect(await taken).toEqual({ kind: 'appended', first: 6, last: 7 });
    await expect(journal.append([bytesOf(1_023)])).rejects.toMatchObject({ kind: 'misuse' });
    await expect(journal.append([])).rejects.toMatchObject({ kind: 'misuse' });
    await journal.close();
  });
});

test('appends that come together share a write and a sync', async () => {
  await inWorld(async (env, world) => {
    const journal = await open(env);
    const before = world.effects('node');
    await Promise.all(Array.from({ length: 10 }, () => journal.append([bytesOf(50)])));
    expect(world.effects('node') - before).toBeLessThanOrEqual(3); // zeros ahead, the group, the sync
    await journal.close();
  });
});

test('an idle writer marks its last group within a second, once', async () => {
  await inWorld(async (env) => {
    const journal = await open(env);
    await appendAll(journal, 2, 10);
    const { offset } = journal.end;
    await env.sleep('1s');
    expect(journal.end.offset).toBe(offset + 512);
    await env.sleep('30min');
    expect(journal.end.offset).toBe(offset + 512);
    await journal.close();
    const view = (await viewJournal(env.disk, options)) ?? expect.unreachable();
    expect(view.end).toEqual(journal.end);
  });
});

test('a live reader waits without asking, and holds nothing but its place', async () => {
  await inWorld(async (env) => {
    const journal = await open(env);
    const reader = journal.reader(journalPosition(1));
    const seen: number[] = [];
    const follow = async (): Promise<void> => {
      while ((await journal.reached(reader.position)) === 'reached') {
        const batch = await reader.next(300);
        if (batch.kind !== 'entries') expect.unreachable();
        else for (const entry of batch.entries) seen.push(entry[0] ?? -1);
      }
    };
    const following = follow();
    await appendAll(journal, 60, 100);
    await journal.close();
    await following;
    expect(seen).toEqual(Array.from({ length: 60 }, (_, index) => index));
  });
});

test('a batch is never more than asked, but one entry at least', async () => {
  await inWorld(async (env) => {
    const journal = await open(env);
    await Promise.all([60, 60, 60, 400].map((size) => journal.append([bytesOf(size)])));
    const reader = journal.reader(journalPosition(1));
    const sizes: (readonly number[])[] = [];
    for (let batch = await reader.next(130); batch.kind === 'entries'; batch = await reader.next(130)) {
      sizes.push([...batch.entries].map(({ length }) => length));
    }
    expect(sizes).toEqual([[60, 60], [60], [400]]);
    await journal.close();
  });
});

test('trimming gives up whole segments, they are used again, and a reader behind is told', async () => {
  await inWorld(async (env) => {
    const journal = await open(env);
    const behind = journal.reader(journalPosition(1));
    await behind.next(1);
    await appendAll(journal, 40, 400);
    const namesBefore = segmentNames(env.disk);
    await journal.trimBefore(journalPosition(30));
    expect(segmentNames(env.disk).length).toBeLessThan(namesBefore.length);
    expect(journal.first).toBeGreaterThan(20);
    expect(journal.first).toBeLessThanOrEqual(30);
    await expect(journal.reader(journalPosition(1)).next(10)).resolves.toEqual({
      kind: 'trimmed',
      first: journal.first,
    });
    const spares = (env.disk.list('d') ?? []).filter(({ name }) => name.endsWith('.spare'));
    expect(spares.length).toBe(1);
    await appendAll(journal, 60, 400);
    expect((await behind.next(10)).kind).toBe('trimmed');
    await journal.close();
    const { first, next } = await open(env);
    expect([first, next]).toEqual([journal.first, 101]);
  });
});

test('what was cut is void, also for whoever opens it again, and its places are taken', async () => {
  await inWorld(async (env) => {
    const journal = await open(env);
    await appendAll(journal, 30, 300);
    await expect(journal.cutAfter(journalPosition(31))).rejects.toMatchObject({ kind: 'misuse' });
    expect(await journal.cutAfter(journalPosition(12))).toBe('cut');
    expect(await journal.append([bytesOf(5, 99)])).toEqual({ kind: 'appended', first: 13, last: 13 });
    await journal.close();
    const again = await open(env);
    const reader = again.reader(journalPosition(11));
    const fills: number[] = [];
    for (let batch = await reader.next(100); batch.kind === 'entries'; batch = await reader.next(100)) {
      fills.push(...[...batch.entries].map((entry) => entry[0] ?? -1));
    }
    expect(fills).toEqual([10, 11, 99]);
    await again.close();
  });
});

test("another's files are left alone, and what is named as a segment and is none stops it", async () => {
  await inWorld(async (env) => {
    const { disk } = env;
    const journal = await open(env);
    await appendAll(journal, 40, 400);
    await journal.close();
    const other = await open(env, { prefix: 'j-1' });
    await appendAll(other, 20, 400);
    await other.close();
    disk.open('d/notes', 'create')?.close();
    await (await open(env)).close();
    expect(disk.stat('d/notes')).not.toBeNull();

    disk.rename('d/j-1-0000000002.seg', 'd/j-0000000002.seg');
    await expect(open(env)).rejects.toMatchObject({
      kind: 'invalid',
      values: { path: 'd/j-0000000002.seg', offset: 16 },
    });
    const file = disk.open('d/j-0000000002.seg', 'write');
    file?.write(bytesOf(8_192, 65), 0);
    file?.close();
    await expect(open(env)).rejects.toMatchObject({
      kind: 'corrupt',
      values: { path: 'd/j-0000000002.seg', offset: 0 },
    });
    await disk.remove('d/j-0000000002.seg');
    await expect(open(env)).rejects.toMatchObject({
      kind: 'corrupt',
      message: expect.stringContaining('a segment is missing'),
    });
  });
});

test('a directory that vanished is an error of the disk, and ends the journal', async () => {
  await inWorld(async (env) => {
    const { disk } = env;
    const journal = await open(env);
    await appendAll(journal, 3, 400);
    for (const { name } of disk.list('d') ?? []) await disk.remove(`d/${name}`);
    await disk.remove('d');
    let failure: unknown = null;
    for (let count = 0; failure === null && count < 100; count++) {
      failure = await journal.append([bytesOf(400)]).then(
        () => null,
        (error: unknown) => error,
      );
    }
    expect(failure).toMatchObject({ kind: 'unknown', cause: { kind: 'disk-failed' } });
    await expect(journal.append([bytesOf(1)])).rejects.toMatchObject({ kind: 'disk-failed' });
    await journal.close();
  });
});

test('a view reads what is before an end, whatever was written behind it, and can make it durable', async () => {
  await simulate({ seeds: 20, weather: 'calm' }, async (world) => {
    const seen = await world.run('node', async (env) => {
      const journal = await open(env);
      await appendAll(journal, 25, 300);
      const { end } = journal;
      const before = (await viewJournal(env.disk, options)) ?? expect.unreachable();
      expect([before.next, before.end, before.cut]).toEqual([26, end, null]);
      await appendAll(journal, 10, 300);
      const bounded = (await viewJournal(env.disk, options, { end })) ?? expect.unreachable();
      expect([bounded.first, bounded.next, bounded.end]).toEqual([1, 26, end]);
      expect((await bounded.reader(journalPosition(25)).next(1)).kind).toBe('entries');
      await expect(
        viewJournal(env.disk, options, { end: { ...end, offset: end.offset + 512 * 40 } }),
      ).rejects.toMatchObject({ kind: 'corrupt' });
      // A sync that failed: what it was to make durable reads back.
      world.disk('node').failSyncs();
      await expect(journal.append([bytesOf(10)])).rejects.toMatchObject({ kind: 'unknown' });
      const view = (await viewJournal(env.disk, options)) ?? expect.unreachable();
      await view.settle();
      return view.next;
    });
    expect(seen).toBe(37);
    world.crash('node', { kind: 'power', restart: '10ms' });
    await world.run(
      'after',
      async (env) => {
        expect((await open(env)).next).toBe(37);
      },
      { on: 'node' },
    );
  });
});

test('limits that do not go together are misuse', async () => {
  await inWorld(async (env) => {
    for (const wrong of [
      { groupBytesMax: 8_192 },
      { waitingBytesMax: 10 },
      { segmentBytes: 2 ** 32 },
      { spareCountMax: -1 },
    ]) {
      await expect(open(env, { limits: { ...limits, ...wrong } })).rejects.toMatchObject({ kind: 'misuse' });
    }
    await expect(open(env, { prefix: 'a/b' })).rejects.toMatchObject({ kind: 'misuse' });
    await expect(open(env, { origin: bytesOf(5_000) })).rejects.toMatchObject({ kind: 'misuse' });
  });
});
