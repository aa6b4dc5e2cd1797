/** The journal on this machine's disk: what the simulator cannot tell, that the system's own calls do as it does. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Env } from '../env/env.ts';
import { openHostEnv, type HostEnv } from '../os/env.ts';
import { openJournal, type Journal } from './journal.ts';
import { journalPosition } from './position.ts';

const limits = { segmentBytes: 256 * 1024, groupBytesMax: 32 * 1024, waitingBytesMax: 128 * 1024, markAfterMs: 20 };
let directory: string;
let env: HostEnv;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'lockstep-wal-'));
  env = await openHostEnv({ data: directory });
});
afterEach(async () => {
  await env.close();
  rmSync(directory, { recursive: true });
});

const open = async (on: Env): Promise<Journal> =>
  (await openJournal(on, { directory: 'wal/deep', prefix: 'j', create: true, limits })) ?? expect.unreachable();

const entryOf = (number: number): Uint8Array => new Uint8Array(50 + (number % 400)).fill(number);

async function expectEntries(journal: Journal, upTo: number): Promise<void> {
  const reader = journal.reader(journal.first);
  let position: number = journal.first;
  for (let batch = await reader.next(20_000); batch.kind === 'entries'; batch = await reader.next(20_000)) {
    expect(batch.first).toBe(position);
    for (const entry of batch.entries) expect(entry).toEqual(entryOf(position++));
  }
  expect(position - 1).toBe(upTo);
}

test('many appends in flight, trims, segments used again, a cut, and opening again', async () => {
  let journal = await open(env);
  let next = 1;
  for (let round = 1; round <= 3; round++) {
    const appending = async (): Promise<void> => {
      while (next <= round * 4_000) {
        const mine = next++;
        expect(await journal.append([entryOf(mine)])).toEqual({ kind: 'appended', first: mine, last: mine });
      }
    };
    await Promise.all(Array.from({ length: 32 }, appending));
    await expectEntries(journal, round * 4_000);
    await journal.trimBefore(journalPosition(round * 4_000 - 500));
    expect(journal.first).toBeGreaterThan((round - 1) * 4_000);
    await journal.close();
    journal = await open(env);
    expect(journal.recovered).toEqual({ created: false, cut: null });
    await expectEntries(journal, round * 4_000);
  }
  expect(await journal.cutAfter(journalPosition(11_900))).toBe('cut');
  await journal.close();
  journal = await open(env);
  await expectEntries(journal, 11_900);
  await journal.close();
});
