/** What a module exports that users name on the command line: an app, or whatever else is looked for. */
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { LockstepError } from '../kernel/errors.ts';
import type { App } from '../machine/app.ts';

/** @throws LockstepError `invalid` for a module that cannot be imported; `misuse` for one that does not export one app. */
export async function appIn(path: string): Promise<App<unknown>> {
  const apps = new Set(Object.values(await exportsOf(path)).filter(isApp)); // one app may have two names
  const [app] = apps;
  if (app !== undefined && apps.size === 1) return app;
  throw new LockstepError('misuse', 'the module does not export one app', {
    values: { file: path, apps: apps.size },
    advice: ['export const app = defineApp({ … })'],
  });
}

/** All that a module exports, by its names. @throws LockstepError `invalid` when it cannot be imported. */
export async function exportsOf(path: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    return (await import(pathToFileURL(resolve(path)).href)) as Readonly<Record<string, unknown>>;
  } catch (cause) {
    throw new LockstepError('invalid', 'the module cannot be imported', { values: { file: path }, cause });
  }
}

/** By its form: the module may have another copy of this package. */
const isApp = (value: unknown): value is App<unknown> =>
  typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'app' && 'parts' in value;
