/** A tree as text: a line for it, its journal, each level and each table; then what is left over and what is damaged. */
import { printableKey } from './key-range.ts';
import type { JournalInspection, TableInspection, TreeInspection } from './inspect-tree.ts';
import { printDamage } from './tree-damage.ts';

export function printTree(name: string, tree: TreeInspection): string {
  const { manifest, levels, journal, isUnfinished, leavings, damages } = tree;
  const lines = [`${name}  tree, ${manifest === null ? 'without a readable manifest' : written(manifest)}`];
  if (isUnfinished) lines.push('  a checkpoint or an import did not end here');
  lines.push(`  journal  ${journal === null ? 'none that can be read' : printJournal(journal)}`);
  for (const [level, tables] of levels.entries()) {
    const bytes = tables.reduce((sum, one) => sum + one.bytes, 0);
    lines.push(`  level ${level}  ${count(tables.length, 'table')}, ${bytes} bytes`);
    for (const table of tables) lines.push(`    ${printTable(table)}`);
  }
  if (leavings.length > 0) lines.push(`  not named by the manifest: ${leavings.join(', ')}`);
  lines.push(...damages.map((one) => `  ${printDamage(one)}`));
  return lines.join('\n');
}

const written = ({ flushedRevision, floor }: { readonly flushedRevision: number; readonly floor: number }): string =>
  flushedRevision < 0
    ? 'nothing flushed'
    : `flushed up to revision ${flushedRevision}, old versions kept from revision ${floor} on`;

function printJournal({ segmentCount, bytes, firstRevision, lastRevision, torn }: JournalInspection): string {
  const range = firstRevision === null ? 'no writes' : `revisions ${firstRevision} to ${lastRevision}`;
  const end = torn === null ? '' : `, torn end at ${torn.offset} of ${torn.file}: left out when opened`;
  return `${range}, ${count(segmentCount, 'segment')}, ${bytes} bytes${end}`;
}

function printTable(table: TableInspection): string {
  const { file, bytes, entryCount, tombstoneCount, rangeTombstoneCount, codec, unread } = table;
  const parts = [
    `${bytes} bytes`,
    count(entryCount, 'entry', 'entries'),
    ...(tombstoneCount > 0 ? [count(tombstoneCount, 'tombstone')] : []),
    ...(rangeTombstoneCount > 0 ? [count(rangeTombstoneCount, 'range tombstone')] : []),
    `revisions ${table.firstRevision} to ${table.lastRevision}`,
    `keys ${printableKey(table.smallest)} to ${printableKey(table.largest)}`,
    ...(codec === null ? [] : [`compressed by ${codec}`]),
    ...(unread === null ? [] : [`not read: ${unread}`]),
  ];
  return `${file}  ${parts.join(', ')}`;
}

const count = (number: number, what: string, many = `${what}s`): string => `${number} ${number === 1 ? what : many}`;
