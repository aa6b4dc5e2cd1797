/** A folder of a side's own on the disk that is measured: TMPDIR, or the system's. In memory it would measure nothing. */
import { mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const tmpfsType = 0x01_02_19_94;

export function openFolder(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'lockstep-bench-'));
  if (statfsSync(path).type === tmpfsType) {
    console.log(`\n!! ${tmpdir()} is kept in memory: nothing here says anything about a disk. Set TMPDIR.\n`);
  }
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}
