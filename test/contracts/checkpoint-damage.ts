/** One byte in the middle of a file changed, as rot would. */
import type { Disk } from '../../src/env/disk.ts';

export function flipIn(disk: Disk, path: string): void {
  const file = disk.open(path, 'write');
  if (file === null) throw new Error(`there is no file ${path}`);
  const middle = Math.floor(file.size() / 2);
  const byte = new Uint8Array(1);
  file.read(byte, middle);
  file.write(Uint8Array.of((byte[0] as number) ^ 1), middle);
  file.close();
}
