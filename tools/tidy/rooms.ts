/** The house's order: who may import whom, from tools/layers.ts; cycles; what nobody imports; where an index may be. */
import { engineClients, layers, nodeFiles, nodeRooms, openRooms, osImporters } from '../layers.ts';
import { openFiles } from '../exports.ts';
import type { Finding, Import, Rule, Source } from './source.ts';

const rowOf = new Map(layers.flatMap((row, at) => row.map((room) => [room.name, at] as const)));

const roomOfPath = (path: string): string | null => /^src\/([^/]+)\//.exec(path)?.[1] ?? null;

const at = (source: Source, one: Import, message: string): Finding => ({ path: source.path, line: one.line, message });

/** Own room or an earlier row; the real world only from the root entry; `node:*` only in its rooms; no packages. */
export const directionRule: Rule = {
  name: 'direction',
  check(source) {
    if (!source.path.startsWith('src/')) return [];
    if (source.room !== null && !rowOf.has(source.room)) {
      return [{ path: source.path, line: 1, message: `the room '${source.room}' is not in tools/layers.ts` }];
    }
    return source.imports.flatMap((one) => {
      const message = one.target === null ? packageMessage(source, one) : roomMessage(source, one.target);
      return message === null ? [] : [at(source, one, message)];
    });
  },
};

function packageMessage(source: Source, { request, typeOnly }: Import): string | null {
  if (source.isTest) return null;
  if (request === 'node:http' && !typeOnly)
    return 'imports node:http: use src/server/node/http.ts, which loads it at a tenth of the cost';
  if (!request.startsWith('node:')) {
    if (clientsOf(source.path).includes(request)) return null;
    return `imports the package '${request}': there are no runtime dependencies but engines' clients (tools/layers.ts)`;
  }
  if (source.room !== null && nodeRooms.has(source.room)) return null;
  if (nodeFiles.some((one) => isOrIn(source.path, one))) return null;
  return `imports ${request}: only ${[...nodeRooms].join(', ')} may; use a port of env`;
}

/** The file, or one in the folder of its name. */
const isOrIn = (path: string, file: string): boolean => path === `src/${file}.ts` || path.startsWith(`src/${file}/`);

/** The packages that `engineClients` grants a file, or the folder of its name. */
function clientsOf(path: string): readonly string[] {
  const owner = Object.keys(engineClients).find((one) => isOrIn(path, one));
  return owner === undefined ? [] : (engineClients[owner] ?? []);
}

function roomMessage(source: Source, target: string): string | null {
  if (target.endsWith('/index.ts') && !source.isTest) {
    return source.path === 'src/index.ts' ? null : `imports ${target}: inside src/ name the file itself`;
  }
  if (!target.startsWith('src/')) return source.isTest ? null : `imports ${target}, outside of src/`;
  if (source.room === null || source.isTest) return null;
  const other = roomOfPath(target);
  if (other === source.room) return null;
  if (other === null) return `imports ${target}: nothing imports the root entry`;
  if (nodeRooms.has(other) && !osImporters.some((one) => source.path.startsWith(`src/${one}`))) {
    return `imports src/${other}: only ${osImporters.join(', ')} may; take a port of env as an argument`;
  }
  const [own, theirs] = [rowOf.get(source.room) ?? 0, rowOf.get(other) ?? Number.POSITIVE_INFINITY];
  return theirs < own ? null : `${source.room} imports ${other}, which is not an earlier row of tools/layers.ts`;
}

/** No file reaches itself through what it imports at run time. Reported once a cycle, at its first path in order. */
export const cycleRule: Rule = {
  name: 'cycle',
  check(source, all) {
    const way = wayBack(source.path, source, all, new Set());
    if (way === null || way.toSorted()[0] !== source.path) return [];
    return [{ path: source.path, line: 1, message: `imports itself by ${[...way, source.path].join(' → ')}` }];
  },
};

function wayBack(
  goal: string,
  from: Source,
  all: ReadonlyMap<string, Source>,
  seen: Set<string>,
): readonly string[] | null {
  for (const { target, typeOnly } of from.imports) {
    if (target === null || typeOnly) continue;
    if (target === goal) return [from.path];
    const next = all.get(target);
    if (next === undefined || seen.has(target)) continue;
    seen.add(target);
    const rest = wayBack(goal, next, all, seen);
    if (rest !== null) return [from.path, ...rest];
  }
  return null;
}

/** Files that a program is started by: package.json's `bin`. */
const programs = ['src/cli/main.ts'];

/** A file of src/ is an index or a program, or something other than a test leads to it. */
export const orphanRule: Rule = {
  name: 'orphan',
  check(source, all) {
    if (!source.path.startsWith('src/') || source.isTest || source.path.endsWith('/index.ts')) return [];
    if (programs.includes(source.path) || openFiles.some((file) => source.path === `src/${file}.ts`)) return [];
    const used = [...all.values()].some((other) => !other.isTest && other !== source && leadsTo(other, source));
    return used
      ? []
      : [{ path: source.path, line: 1, message: 'nothing but tests imports this file: use it or remove it' }];
  },
};

/** By an import, or by the address of a module that is loaded as a worker. */
function leadsTo(other: Source, source: Source): boolean {
  if (other.imports.some((one) => one.target === source.path)) return true;
  const name = source.path.slice(source.path.lastIndexOf('/') + 1);
  const folder = source.path.slice(0, source.path.lastIndexOf('/') + 1);
  return (
    other.path.startsWith(folder) &&
    other.text.includes('import.meta.url') &&
    other.text.includes(`./${name.slice(0, -'.ts'.length)}`)
  );
}

/** An index.ts is the table of contents of an open room: only there, and with names. */
export const indexRule: Rule = {
  name: 'index',
  check(source) {
    if (!source.path.startsWith('src/') || !source.path.endsWith('/index.ts')) return [];
    const places = ['src/index.ts', ...openRooms.map((room) => `src/${room}/index.ts`)];
    return places.includes(source.path)
      ? []
      : [{ path: source.path, line: 1, message: 'only an open room has an index.ts, at its top' }];
  },
};
