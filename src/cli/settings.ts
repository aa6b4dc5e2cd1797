/**
 * What commands are told beside their words: by options, else by the environment, else by a file of the project. Secrets are
 * in the environment alone.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LockstepError } from '../kernel/errors.ts';
import { nearest } from './nearest.ts';

/** What holds without it, in words, is its default. */
export const settings = {
  app: { about: 'the module of the app, for dev and serve', default: 'none' },
  data: { about: 'the directory of the node', default: '.lockstep/NAME, by the name of the app' },
  port: { about: 'where dev and serve listen', default: '4000, or any where that is taken' },
  host: { about: 'the address that serve listens at', default: '127.0.0.1' },
  url: { about: 'a node elsewhere, for the commands that talk to one', default: 'the node that runs here' },
} as const;

export type SettingName = keyof typeof settings;

export interface Setting {
  readonly value: string;
  /** Where it was found: `--port`, `LOCKSTEP_PORT`, a file. */
  readonly source: string;
}

export type Settings = ReadonlyMap<SettingName, Setting>;

export const settingNames: readonly SettingName[] = Object.keys(settings) as SettingName[]; // its own keys
export const variableOf = (name: string): string => `LOCKSTEP_${name.toUpperCase()}`;
export const bearerVariable = 'LOCKSTEP_BEARER';

/** The secret of a node that is not this machine's alone. */
export const bearerGiven = (): string | undefined => nonEmpty(process.env[bearerVariable]);

const files = ['lockstep.config.json', 'package.json'] as const;
/** Of package.json. */
const key = 'lockstep';

/**
 * What was not given as an option: of the environment, then of `lockstep.config.json`, then of `lockstep` in package.json.
 * @throws LockstepError `invalid` for a file that is none.
 */
export async function readSettings(directory: string = '.'): Promise<Settings> {
  const found = new Map<SettingName, Setting>();
  for (const name of settingNames) {
    const value = nonEmpty(process.env[variableOf(name)]);
    if (value !== undefined) found.set(name, { value, source: variableOf(name) });
  }
  for (const file of files) {
    const text = await textOf(join(directory, file));
    const values = text === null ? {} : objectIn(file, text);
    for (const [name, value] of Object.entries(values)) {
      const known = settingNames.find((one) => one === name);
      if (known === undefined) throw unknown(file, name);
      if (typeof value !== 'string' && typeof value !== 'number')
        throw new LockstepError('invalid', 'a setting is a text or a number', { values: { file, setting: name } });
      if (!found.has(known)) found.set(known, { value: String(value), source: file });
    }
  }
  return found;
}

const nonEmpty = (text: string | undefined): string | undefined => (text === '' ? undefined : text);

function unknown(file: string, name: string): LockstepError {
  const near = nearest(name, settingNames);
  return new LockstepError('invalid', 'there is no such setting', {
    values: { file, setting: name },
    advice: [near === null ? `there are: ${settingNames.join(', ')}` : `did you mean ${near}?`],
  });
}

async function textOf(file: string): Promise<string | null> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return null;
    throw new LockstepError('invalid', 'the file cannot be read', { values: { file }, cause });
  }
}

function objectIn(file: string, text: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new LockstepError('invalid', 'the file is no JSON', { values: { file }, cause });
  }
  const settingsOf = file === 'package.json' ? (Object(value) as Readonly<Record<string, unknown>>)[key] : value;
  if (settingsOf === undefined) return {};
  if (typeof settingsOf === 'object' && settingsOf !== null && !Array.isArray(settingsOf))
    return settingsOf as Readonly<Record<string, unknown>>; // an object of JSON is a record
  throw new LockstepError('invalid', 'settings are an object', { values: { file } });
}
