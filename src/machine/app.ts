/**
 * An application as a value: its parts by kind and name, and what they need of the outside. The type remembers what is not
 * provided yet and nothing else of the parts, so that a handler's file never waits for the type of all of them.
 */
import { LockstepError } from '../kernel/errors.ts';
import type { AnyMachine, Dictionary } from './definition.ts';
import type {
  LockPart,
  Policy,
  Projection,
  Query,
  Queue,
  Saga,
  Schedule,
  Services,
  Topic,
  WorkerPart,
} from './part.ts';
import { subjects } from './subjects.ts';

export type Part =
  | AnyMachine
  | Projection<string, unknown, unknown>
  | Query<string, unknown, unknown>
  | Queue<string, unknown, unknown>
  | WorkerPart<unknown>
  | Saga<string, unknown, unknown, unknown>
  | Topic<string, unknown, unknown>
  | Policy
  | Schedule
  | LockPart;

type NeedsOf<P> = P extends { readonly '~types'?: { needs: infer N } } ? Services<N> : never;
type Together<U> = (U extends unknown ? (one: U) => void : never) extends (all: infer I) => void
  ? { [K in keyof I]: I[K] }
  : never;

export interface App<Missing> {
  readonly kind: 'app';
  readonly name: string;
  readonly parts: readonly Part[];
  /** What `provide` gave, by name. */
  readonly services: Dictionary<unknown>;
  readonly '~types'?: { missing: Missing };
}

/** What `open` asks of an app: nothing, once all is provided; before, a property that nobody has and that says why. */
export type Complete<Missing> = keyof Missing extends never
  ? unknown
  : { readonly 'call provide(app, services) first': keyof Missing };

/**
 * Ties parts together.
 * @throws LockstepError `misuse` when two parts of one kind have one name, and for personal data without `subjects`.
 */
export function defineApp<const Parts extends readonly Part[]>(definition: {
  readonly name: string;
  readonly parts: Parts;
}): App<Together<NeedsOf<Parts[number]>>> {
  const { name, parts } = definition;
  const seen = new Set<string>();
  for (const part of parts) {
    const id = `${part.kind} ${part.name}`;
    if (seen.has(id))
      throw new LockstepError('misuse', 'two parts of an app have one name', { values: { app: name, part: id } });
    seen.add(id);
  }
  checkForgets(name, parts);
  return { kind: 'app', name, parts, services: {} };
}

/** Whoever keeps personal data can forget it. */
function checkForgets(app: string, parts: readonly Part[]): void {
  const personal = parts.find((part) => part.kind === 'machine' && part['~machine'].personal !== null);
  if (personal === undefined || parts.some((part) => part === subjects)) return;
  throw new LockstepError('misuse', 'a machine of this app has personal data, and nothing forgets it', {
    values: { app, machine: personal.name },
    advice: ["import { subjects } from 'lockstep/personal', and name it among the parts"],
  });
}

/**
 * The app with what it needs of the outside.
 * @throws LockstepError `misuse` for a service that is missing, or that no part needs.
 */
export function provide<Missing>(app: App<Missing>, services: NoInfer<Missing>): App<unknown> {
  const given = services as Dictionary<unknown>; // `Missing` is made of names and what each of them is
  const needed = needsOf(app);
  for (const service of needed)
    if (!Object.hasOwn(given, service)) throw wrong('a service that the app needs is not provided', app.name, service);
  for (const service of Object.keys(given))
    if (!needed.has(service)) throw wrong('no part of the app needs this service', app.name, service);
  return { kind: 'app', name: app.name, parts: app.parts, services: given };
}

/** The names of what the parts need and nobody has provided. */
export function missingServices(app: App<unknown>): readonly string[] {
  return [...needsOf(app)].filter((name) => !Object.hasOwn(app.services, name));
}

const needsOf = ({ parts }: App<unknown>): ReadonlySet<string> =>
  new Set(parts.flatMap((part) => ('needs' in part ? Object.keys(part.needs) : [])));

const wrong = (message: string, app: string, service: string): LockstepError =>
  new LockstepError('misuse', message, { values: { app, service } });
