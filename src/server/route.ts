/** What a request asks for, by its method and path alone. */
import { errorKinds, LockstepError, type ErrorKind } from '../kernel/errors.ts';
import { refusal, type Refusal } from './problem.ts';

export type Route =
  | { readonly kind: 'send'; readonly machine: string; readonly command: string }
  | { readonly kind: 'read'; readonly machine: string }
  | { readonly kind: 'events'; readonly machine: string }
  | { readonly kind: 'query'; readonly query: string }
  | { readonly kind: 'error-kind'; readonly errorKind: ErrorKind };

const name = '([A-Za-z][A-Za-z0-9_-]{0,99})';
const shapes = {
  send: new RegExp(`^/machines/${name}/commands/${name}$`),
  read: new RegExp(`^/machines/${name}/state$`),
  events: new RegExp(`^/machines/${name}/events$`),
  query: new RegExp(`^/queries/${name}$`),
  'error-kind': /^\/errors\/([a-z-]{1,40})$/,
} as const satisfies Record<Route['kind'], RegExp>;

const methods: Readonly<Record<Route['kind'], string>> = {
  send: 'POST',
  read: 'GET',
  events: 'GET',
  query: 'POST',
  'error-kind': 'GET',
};

/** Null: there is nothing at this path. `path` is without what it is mounted under. */
export function routeOf(method: string, path: string): Route | Refusal | null {
  for (const kind of Object.keys(shapes) as Route['kind'][]) {
    const match = shapes[kind].exec(path);
    if (match === null) continue;
    const [, first = '', second = ''] = match;
    if (kind === 'error-kind' && !Object.hasOwn(errorKinds, first)) return null;
    return method === methods[kind] ? routeTo(kind, first, second) : wrongMethod(method, methods[kind]);
  }
  return null;
}

function routeTo(kind: Route['kind'], first: string, second: string): Route {
  switch (kind) {
    case 'send':
      return { kind, machine: first, command: second };
    case 'read':
    case 'events':
      return { kind, machine: first };
    case 'query':
      return { kind, query: first };
    case 'error-kind':
      return { kind, errorKind: first as ErrorKind }; // it is a key of the table of kinds
  }
}

export const wrongMethod = (method: string, allowed: string): Refusal =>
  refusal(405, new LockstepError('misuse', 'this is asked for by another method', { values: { method, allowed } }), {
    allow: allowed,
  });
