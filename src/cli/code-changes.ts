/**
 * What changed in the code of an app since it last ran over a directory. Where `evolve` did while the codeVersion stayed, states
 * are folded again: in development nobody raises a number at every save.
 */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { App } from '../machine/app.ts';
import type { AnyMachine } from '../machine/definition.ts';
import type { LockstepNode } from '../node/node.ts';
import { codeOf } from '../os/system-code.ts';
import { counted } from './line.ts';

/** By machine, then by name: sums of its sources, and its codeVersion. */
type Sums = Readonly<Record<string, Readonly<Record<string, string>>>>;

const fileName = 'code.json';
const version = 'codeVersion';
const namesMax = 3;

/** Names of what changed, in words; keeps what there is now. */
export async function codeChanges(node: LockstepNode, data: string): Promise<readonly string[]> {
  const machines = machinesIn(node.app);
  const file = join(data, fileName);
  const before = sumsIn(file);
  const now: Sums = Object.fromEntries(machines.map((machine) => [machine.name, sumsOf(machine)]));
  const changes: string[] = [];
  for (const machine of machines) {
    const old = before?.[machine.name];
    const current = now[machine.name] ?? {};
    if (old === undefined) continue; // it ran for the first time
    const prefix = machines.length === 1 ? '' : `${machine.name}.`;
    const names = Object.keys(current).filter((name) => name !== version && old[name] !== current[name]);
    const decided = names.filter((name) => name.startsWith('decide.'));
    if (decided.length > 0) changes.push(`${listed(decided.map((name) => `${prefix}${name}`))} changed`);
    if (decided.length === names.length) continue;
    const isRaised = old[version] !== current[version];
    const count = isRaised ? 0 : await node.foldAgain(machine);
    const folded = `: ${counted(count, 'state')} folded again (in production: raise codeVersion)`;
    changes.push(`${prefix}evolve changed${count === 0 ? '' : folded}`);
  }
  if (JSON.stringify(before) !== JSON.stringify(now)) writeFileSync(file, JSON.stringify(now));
  return changes;
}

const listed = (names: readonly string[]): string =>
  names.length <= namesMax
    ? names.join(', ')
    : `${names.slice(0, namesMax).join(', ')} and ${names.length - namesMax} more`;

const machinesIn = ({ parts }: App<unknown>): readonly AnyMachine[] =>
  parts.filter((part): part is AnyMachine => part.kind === 'machine');

function sumsOf({ '~machine': code }: AnyMachine): Readonly<Record<string, string>> {
  const sums = Object.entries(code.sources()).map(([name, text]) => [name, sumOf(text)] as const);
  return { ...Object.fromEntries(sums), [version]: String(code.codeVersion) };
}

const sumOf = (text: string): string => createHash('sha256').update(text).digest('base64url').slice(0, 16);

/** Null: there are none yet. */
function sumsIn(file: string): Sums | null {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Sums; // written here
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
}
