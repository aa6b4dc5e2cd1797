/**
 * A process that writes through the real disk is killed at random moments, again and again: what it had acknowledged
 * is there. A kill spares what the kernel holds; that a power cut spares it too rests on fdatasync, and is tried in
 * the simulator, which loses what was not synced.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { SeededRandom } from '../../src/kernel/random.ts';
import { decodeRecords } from './records.ts';
import { writeUntilKilled } from './until-killed.ts';

const killCount = 12;
const writer = new URL('./record-writer.ts', import.meta.url);

test('every acknowledged record is there, however often the writer is killed', async () => {
  const data = mkdtempSync(join(tmpdir(), 'lockstep-chaos-'));
  const random = new SeededRandom(2);
  let acknowledged = 0;
  try {
    for (let kill = 0; kill < killCount; kill++) {
      const told = await writeUntilKilled(writer, [data], random.between(0, 60));
      expect(told).toBeGreaterThan(acknowledged);
      const { count } = decodeRecords(readFileSync(join(data, 'records')));
      expect(count).toBeGreaterThanOrEqual(told);
      acknowledged = told;
    }
  } finally {
    rmSync(data, { recursive: true });
  }
}, 30_000);
