/** A table of transitions as text for Mermaid (`stateDiagram-v2`), which pages and editors draw. */
import type { AnyMachine } from './definition.ts';
import { arrowsOf, tableOf } from './diagram.ts';

/** @throws LockstepError `misuse` for a machine that is not a table. */
export function drawMermaid(machine: AnyMachine): string {
  const table = tableOf(machine);
  const names = Object.keys(table.states);
  const id = (state: string): string => `s${names.indexOf(state)}`; // names may be words of Mermaid's own
  return [
    'stateDiagram-v2',
    ...names.map((state) => `  state "${state}" as ${id(state)}`),
    `  [*] --> ${id(table.initial)}`,
    ...arrowsOf(table).map(({ from, to, labels }) => `  ${id(from)} --> ${id(to)}: ${labels.join(', ')}`),
    ...names.filter((state) => isFinal(table.states[state])).map((state) => `  ${id(state)} --> [*]`),
    '',
  ].join('\n');
}

const isFinal = (row: { readonly on: object; readonly after: object | null } | undefined): boolean =>
  row !== undefined && row.after === null && Object.keys(row.on).length === 0;
