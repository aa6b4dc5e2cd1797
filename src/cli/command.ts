/**
 * The `lockstep` command as a function: finds the command that the words name, reads its options, and runs it. What commands
 * there are is in commands.ts. Exit codes: 0 done and nothing wrong, 1 an error, or damage, a misfit or a difference was
 * found, 2 a decided no, 3 a conflict, 4 it is not known whether.
 */
import { parseArgs } from 'node:util';
import { isLockstepError, LockstepError } from '../kernel/errors.ts';
import { commandGroups, commands } from './commands.ts';
import type { Command, Given } from './declaration.ts';
import { errorText } from './error-text.ts';
import { helpOf, overview, synopsis } from './help.ts';
import { nearest } from './nearest.ts';
import { readSettings, settingNames, type Settings } from './settings.ts';
import { versionText } from './version.ts';

/** Runs one command, as in a shell: prints, and answers the exit code. */
export async function command(args: readonly string[]): Promise<number> {
  try {
    return await run(args);
  } catch (error) {
    if (!isLockstepError(error)) throw error;
    console.error(errorText(error));
    return isLockstepError(error, 'unknown') ? 4 : 1;
  }
}

async function run(args: readonly string[]): Promise<number> {
  const [first, ...rest] = args;
  if (first === 'help') return run([...rest, '--help']);
  if (first === undefined || first === '--help' || first === '-h') {
    console.log(overview(commandGroups));
    return 0;
  }
  if (first === '--version') {
    console.log(await versionText());
    return 0;
  }
  if (first === 'complete') return (await import('./completion.ts')).printCandidates(commands, rest.slice(1)); // behind `--`
  const found = commandIn(args);
  const { values, positionals } = parsed(found, args.slice(found.name.split(' ').length));
  if (values['help'] === true) {
    console.log(helpOf(found));
    return 0;
  }
  const settings = await settingsFor(found);
  return found.run(argumentsOf(found, positionals, settings), optionsOf(found, values, settings));
}

/** @throws LockstepError `misuse`, with the name that is nearest. */
function commandIn(args: readonly string[]): Command {
  const words = args.filter((word) => !word.startsWith('-'));
  const found = commands
    .filter(({ name }) => name.split(' ').every((word, at) => args[at] === word))
    .toSorted((a, b) => b.name.length - a.name.length)[0]; // `projections retry` before `projections`
  if (found !== undefined) return found;
  const [first = '', second] = words;
  const firsts = [...new Set(commands.map(({ name }) => name.split(' ')[0] as string))];
  // Of two words the first may be right: then what may follow is told.
  const begun = commands.filter(({ name }) => name.startsWith(`${first} `));
  const near =
    nearest(
      second === undefined ? first : `${first} ${second}`,
      commands.map(({ name }) => name),
    ) ?? nearest(first, firsts);
  throw new LockstepError('misuse', 'there is no such command', {
    values: { command: words.slice(0, 2).join(' ') || (args[0] ?? '') },
    advice: [
      ...(begun.length === 0 && near !== null ? [`did you mean \`lockstep ${near}\`?`] : begun.map(synopsis)),
      'all commands: lockstep --help',
    ],
  });
}

interface Parsed {
  readonly values: Given;
  readonly positionals: readonly string[];
}

/** @throws LockstepError `misuse` for an option that the command does not have, or that lacks its value. */
function parsed(found: Command, args: readonly string[]): Parsed {
  const options = Object.fromEntries(
    Object.entries(found.options).map(([name, { value }]) => [
      name,
      { type: value === undefined ? ('boolean' as const) : ('string' as const) },
    ]),
  );
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { ...options, help: { type: 'boolean', short: 'h' } },
    });
    return { values, positionals };
  } catch (cause) {
    if (!(cause instanceof TypeError && 'code' in cause)) throw cause;
    const [message = ''] = cause.message.split('. ');
    const wrong = /'--([\w-]+)/.exec(message)?.[1];
    const near = wrong === undefined || wrong in options ? null : nearest(wrong, Object.keys(options));
    throw new LockstepError('misuse', `${message.charAt(0).toLowerCase()}${message.slice(1)}`, {
      advice: [
        ...(near === null ? [] : [`did you mean --${near}?`]),
        synopsis(found),
        `more: lockstep ${found.name} --help`,
      ],
      cause,
    });
  }
}

const isSetting = (name: string): boolean => settingNames.some((one) => one === name);

/** Files are read for who takes something from them. */
async function settingsFor(found: Command): Promise<Settings> {
  const names = [...found.arguments.map(({ name }) => name.toLowerCase()), ...Object.keys(found.options)];
  return names.some(isSetting) ? readSettings() : new Map();
}

function optionsOf(found: Command, values: Given, settings: Settings): Given {
  return Object.fromEntries(
    Object.entries(found.options).map(([name, option]) => {
      const set = option.isSetting === true ? settingNames.find((one) => one === name) : undefined;
      const otherwise = set === undefined ? undefined : settings.get(set)?.value;
      return [name, values[name] ?? otherwise ?? (option.value === undefined ? false : undefined)];
    }),
  );
}

/** @throws LockstepError `misuse` for too few or too many. */
function argumentsOf(
  found: Command,
  given: readonly string[],
  settings: Settings,
): Readonly<Record<string, string | undefined>> {
  const { arguments: declared } = found;
  const words = declared.map(({ name, isSetting: fromSettings }, at): readonly [string, string | undefined] => [
    name,
    given[at] ?? (fromSettings === true ? settings.get('app')?.value : undefined),
  ]);
  const lacking = declared.find(({ optional }, at) => optional !== true && words[at]?.[1] === undefined);
  if (lacking === undefined && given.length <= declared.length) return Object.fromEntries(words);
  throw new LockstepError('misuse', lacking === undefined ? 'there are too many words' : `${lacking.name} is missing`, {
    values: lacking === undefined ? { word: given[declared.length] ?? '' } : {},
    advice: [synopsis(found), `for example: ${found.examples[0] ?? ''}`, `more: lockstep ${found.name} --help`],
  });
}
