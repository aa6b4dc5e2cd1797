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

type Sums = Readonly<Record<string, string>>;

interface CodeSums {
  /** By machine, then by name: of its sources, and its codeVersion. */
  readonly machines: Readonly<Record<string, Sums>>;
  /** Of the files that the app is made of, by path. */
  readonly files: Sums;
}

export interface CodeChanges {
  /** What changed, in words. */
  readonly said: readonly string[];
  /** Machines of which no source changed, though a file did: it may hold what their functions call. */
  readonly unsure: readonly AnyMachine[];
}

const fileName = 'code.json';
const version = 'codeVersion';
const namesMax = 3;

/** `files`: that the app is made of. Keeps what there is now. */
export async function codeChanges(node: LockstepNode, data: string, files: readonly string[]): Promise<CodeChanges> {
  const machines = machinesIn(node.app);
  const file = join(data, fileName);
  const before = sumsIn(file);
  const now: CodeSums = {
    machines: Object.fromEntries(machines.map((machine) => [machine.name, sumsOf(machine)])),
    files: Object.fromEntries(files.toSorted().map((path) => [path, sumOfFile(path)])),
  };
  const isAnyFileChanged = JSON.stringify(before?.files) !== JSON.stringify(now.files);
  const said: string[] = [];
  const unsure: AnyMachine[] = [];
  for (const machine of machines) {
    const old = before?.machines?.[machine.name];
    const current = now.machines[machine.name] ?? {};
    if (old === undefined) continue; // it ran for the first time
    const prefix = machines.length === 1 ? '' : `${machine.name}.`;
    const names = Object.keys(current).filter((name) => name !== version && old[name] !== current[name]);
    const decided = names.filter((name) => name.startsWith('decide.'));
    if (decided.length > 0) said.push(`${listed(decided.map((name) => `${prefix}${name}`))} changed`);
    if (decided.length === names.length) {
      if (isAnyFileChanged) unsure.push(machine);
      continue;
    }
    const isRaised = old[version] !== current[version];
    const count = isRaised ? 0 : await node.foldAgain(machine);
    const folded = `: ${counted(count, 'state')} folded again (in production: raise codeVersion)`;
    said.push(`${prefix}evolve changed${count === 0 ? '' : folded}`);
  }
  if (JSON.stringify(before) !== JSON.stringify(now)) writeFileSync(file, JSON.stringify(now));
  return { said, unsure };
}

const listed = (names: readonly string[]): string =>
  names.length <= namesMax
    ? names.join(', ')
    : `${names.slice(0, namesMax).join(', ')} and ${names.length - namesMax} more`;

const machinesIn = ({ parts }: App<unknown>): readonly AnyMachine[] =>
  parts.filter((part): part is AnyMachine => part.kind === 'machine');

function sumsOf({ '~machine': code }: AnyMachine): Sums {
  const sums = Object.entries(code.sources()).map(([name, text]) => [name, sumOf(text)] as const);
  return { ...Object.fromEntries(sums), [version]: String(code.codeVersion) };
}

const sumOf = (text: string): string => createHash('sha256').update(text).digest('base64url').slice(0, 16);

/** Of one that is gone meanwhile, that of nothing. */
const sumOfFile = (path: string): string => sumOf(textIn(path) ?? '');

/** Null: there are none yet. */
function sumsIn(file: string): Partial<CodeSums> | null {
  const text = textIn(file);
  return text === null ? null : (JSON.parse(text) as Partial<CodeSums>); // written here, or by a version before, without files
}

function textIn(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
}
