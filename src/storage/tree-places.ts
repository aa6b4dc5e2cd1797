/** Where the parts of a tree of its own are, below its directory. */
import type { JournalFiles } from '../wal/segment-files.ts';

/** Tables, and the manifest. */
export const tablesIn = (directory: string): string => (directory === '' ? 'tables' : `${directory}/tables`);

export const journalIn = (directory: string): JournalFiles => ({
  directory: directory === '' ? 'journal' : `${directory}/journal`,
  prefix: 'tree',
});
