/**
 * The process that `disk.int.test.ts` kills: appends numbered records to `records` in its data directory, syncs, and
 * reports each acknowledged number on its standard output. Goes on after the last whole record that is there.
 */
import { writeSync } from 'node:fs';
import { decodeRecords, encodeRecord } from './records.ts';
import { openHostEnv } from '../../src/os/env.ts';

const { disk } = await openHostEnv({ data: process.argv[2] });
const file = disk.open('records', 'write') ?? disk.open('records', 'create');
if (file === null) throw new Error('records can neither be opened nor made');
await disk.syncDirectory('');

const content = new Uint8Array(file.size());
file.read(content, 0);
const { count, end } = decodeRecords(content);
file.truncate(end);

let position = end;
for (let number = count; ;) {
  // Groups of different sizes, as a group commit has them.
  const groupEnd = number + 1 + (number % 5);
  for (; number < groupEnd; number++) {
    const record = encodeRecord(number);
    file.write(record, position);
    position += record.length;
  }
  await file.sync();
  writeSync(1, `${number}\n`);
}
