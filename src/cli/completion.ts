/**
 * Completion in shells: a script asks `lockstep complete -- WORDS…` at each tab, so all three shells know what the table of
 * commands knows, and the machines and commands of the node that runs.
 */
import type { Duration } from '../kernel/time.ts';
import type { Contract } from '../machine/contract.ts';
import { nodePaths } from '../server/node-paths.ts';
import type { Command, Completes } from './declaration.ts';
import { remoteTo } from './running-node.ts';

/** `lockstep complete`: a line for each word that may stand there; `:file` or `:directory` where the shell knows better. */
export async function printCandidates(commands: readonly Command[], words: readonly string[]): Promise<number> {
  const found = await candidates(commands, words);
  if (found.length > 0) console.log(found.join('\n'));
  return 0;
}

/** Of the last word, which may be empty or begun. */
export async function candidates(commands: readonly Command[], words: readonly string[]): Promise<readonly string[]> {
  const before = words.slice(0, -1);
  const begun = words.at(-1) ?? '';
  const matching = (all: readonly string[]): readonly string[] =>
    [...new Set(all)].filter((one) => one.startsWith(begun));
  const nexts = commands
    .map(({ name }) => name.split(' '))
    .filter((name) => name.length > before.length && before.every((word, at) => name[at] === word))
    .map((name) => name[before.length] as string);
  const found = commands
    .filter(({ name }) => name.split(' ').every((word, at) => before[at] === word))
    .toSorted((a, b) => b.name.length - a.name.length)[0];
  if (found === undefined) return matching([...nexts, ...(before.length === 0 ? ['help', '--help', '--version'] : [])]);
  if (begun.startsWith('-')) return matching([...Object.keys(found.options), 'help'].map((name) => `--${name}`));
  const rest = before.slice(found.name.split(' ').length);
  const values = await completed(found, rest);
  return typeof values === 'string' ? [values] : matching([...nexts, ...values]);
}

/** What may follow the words behind the name of a command. */
async function completed(found: Command, rest: readonly string[]): Promise<readonly string[] | ':file' | ':directory'> {
  const takesValue = (word: string | undefined): boolean =>
    word?.startsWith('--') === true && found.options[word.slice(2)]?.value !== undefined;
  const last = rest.at(-1);
  if (last !== undefined && takesValue(last)) return valuesOf(found.options[last.slice(2)]?.completes, rest);
  const positionals = rest.filter((word, at) => !word.startsWith('-') && !takesValue(rest[at - 1]));
  return valuesOf(found.arguments[positionals.length]?.completes, rest);
}

async function valuesOf(
  completes: Completes | undefined,
  rest: readonly string[],
): Promise<readonly string[] | ':file' | ':directory'> {
  if (completes === undefined) return [];
  if (typeof completes !== 'string') return completes;
  if (completes === 'file' || completes === 'directory') return `:${completes}`;
  const optionOf = (name: string): string | undefined => {
    const at = rest.indexOf(name);
    return at < 0 ? undefined : rest[at + 1];
  };
  const { machines, projections = {}, parts } = await definitions(optionOf('--data'), optionOf('--url'));
  switch (completes) {
    case 'machine':
      return Object.keys(machines);
    case 'command of the machine':
      return Object.keys(machines[rest[0] ?? '']?.commands ?? {});
    case 'projection':
      return Object.keys(projections);
    case 'query':
      return parts.filter(({ kind }) => kind === 'query').map(({ name }) => name);
  }
}

type Definitions = Contract & { readonly parts: readonly { readonly kind: string; readonly name: string }[] };

const nothing: Definitions = { app: '', machines: {}, parts: [] };
/** Somebody waits at a tab. */
const deadline: Duration = '1s';

/** Of the node that runs; none where none does. */
async function definitions(data: string | undefined, url: string | undefined): Promise<Definitions> {
  try {
    return await remoteTo({ data, url }).get<Definitions>(nodePaths.definitions, { deadline });
  } catch {
    return nothing; // a tab tells nothing: the command will
  }
}
