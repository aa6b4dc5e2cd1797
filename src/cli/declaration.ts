/**
 * What a command is, as data: its words, arguments, options and examples. Help, the errors of wrong calls and the completion
 * of shells are made of it (help.ts, completion.ts), so a command is declared once, in `commands/`, and nowhere repeated.
 */

/** What a shell completes a word with: files, what the node that runs has of a kind, or these. */
export type Completes =
  | 'file'
  | 'directory'
  | 'machine'
  | 'command of the machine'
  | 'projection'
  | 'query'
  | readonly string[];

export interface Argument {
  /** In capitals, as the help shows it. */
  readonly name: string;
  /** May be left out; only at the end. */
  readonly optional?: true;
  /** Left out it is that of the settings: `app`. */
  readonly isSetting?: true;
  readonly completes?: Completes;
}

export interface Option {
  /** What stands behind it, in capitals; without it the option is a flag. */
  readonly value?: string;
  readonly about: string;
  readonly completes?: Completes;
  /**
   * Without the option it is taken from the environment, as `LOCKSTEP_NAME`, then from the configuration file, under its
   * name.
   */
  readonly isSetting?: true;
}

export type Options = Readonly<Record<string, Option>>;

export interface Command {
  /** One word, or two: `log inspect`. */
  readonly name: string;
  readonly summary: string;
  readonly arguments: readonly Argument[];
  readonly options: Options;
  /** What the summary and the options do not say; lines of up to 110 characters. */
  readonly details: string;
  /** Each a whole line, as typed. */
  readonly examples: readonly string[];
  /** Answers the exit code: 0 done, 1 an error, 2 a decided no, 3 a conflict, 4 nobody knows. */
  readonly run: (args: Readonly<Record<string, string | undefined>>, options: Given) => Promise<number>;
}

/** What was given for each option, by its name. */
export type Given = Readonly<Record<string, string | boolean | undefined>>;

type ArgumentsOf<A extends readonly Argument[]> = {
  readonly [One in A[number] as One['name']]: One extends { readonly optional: true } ? string | undefined : string;
};
type GivenOf<O extends Options> = {
  readonly [Name in keyof O]: O[Name] extends { readonly value: string } ? string | undefined : boolean;
};

/** A command whose `run` is typed by what it declares. */
export function declare<const A extends readonly Argument[], const O extends Options>(
  declared: Omit<Command, 'arguments' | 'options' | 'run'> & {
    readonly arguments: A;
    readonly options: O;
    readonly run: (args: ArgumentsOf<A>, options: GivenOf<O>) => Promise<number>;
  },
): Command {
  return declared as unknown as Command; // `run` is given what is parsed by this very declaration
}

/** One with a value behind it. */
export type ValueOption = Option & { readonly value: string };

export const jsonOption: Option = { about: 'JSON, for programs' };

/** Of all commands that talk to a node. */
export const nodeOptions: { readonly data: ValueOption; readonly url: ValueOption; readonly json: Option } = {
  data: {
    value: 'DIR',
    about: 'the directory of the node; without it, that of the one node that runs over a directory in .lockstep/',
    completes: 'directory',
    isSetting: true,
  },
  url: { value: 'URL', about: 'a node elsewhere; its secret is in LOCKSTEP_BEARER', isSetting: true },
  json: jsonOption,
};

/** The module of an app. */
export const appArgument = { name: 'APP', completes: 'file' } as const;
