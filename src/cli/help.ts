/** The help of commands as text for a terminal, made of their declarations. */
import type { Argument, Command } from './declaration.ts';

/** Commands that belong together, under a heading. */
export interface CommandGroup {
  readonly heading: string;
  readonly commands: readonly Command[];
}

const shown = ({ name, optional }: Argument): string => (optional === true ? `[${name}]` : name);

/** `lockstep send MACHINE KEY COMMAND [JSON]`. */
export const synopsis = ({ name, arguments: words }: Command): string =>
  ['lockstep', name, ...words.map(shown)].join(' ');

/** Of one command. */
export function helpOf(command: Command): string {
  const { summary, details, examples } = command;
  const options = Object.entries(command.options).map(
    ([name, { value, about }]) => [`--${name}${value === undefined ? '' : ` ${value}`}`, about] as const,
  );
  return [
    `${synopsis(command)}${options.length === 0 ? '' : ' [OPTIONS]'}`,
    '',
    `  ${summary}`,
    ...(details === '' ? [] : ['', ...details.split('\n').map((line) => `  ${line}`)]),
    ...(options.length === 0 ? [] : ['', 'options', ...columns(options)]),
    '',
    'for example',
    ...examples.map((line) => `  ${line}`),
  ].join('\n');
}

/** Of all of them. */
export function overview(groups: readonly CommandGroup[]): string {
  const blocks = groups.map(({ heading, commands }) =>
    [heading, ...commands.map((one) => `  ${synopsis(one)}\n      ${one.summary}`)].join('\n'),
  );
  return [
    ...blocks,
    'lockstep COMMAND --help tells more, with examples. Exit codes: 0 done, 1 an error, 2 a decided no (a command is rejected,\n' +
      'a history is a violation), 3 a conflict, 4 nobody knows whether.',
  ].join('\n\n');
}

export function columns(rows: readonly (readonly [string, string])[]): readonly string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`);
}
