/** One name, four places: an open room has an index, a page, an example, and a subpath; and no place has a name more. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { expect, test } from 'vitest';
import { openRooms, rooms } from './layers.ts';

test('every open room has an index, a page and a runnable example', () => {
  const places = (room: string) => [`src/${room}/index.ts`, `docs/${room}.md`, `examples/${room}.ts`];
  expect(openRooms.flatMap(places).filter((path) => !existsSync(path))).toEqual([]);
});

test('every folder of src/ is a room of tools/layers.ts', () => {
  const names = rooms.map((room) => room.name);
  const folders = globSync('src/*/').map((folder) => basename(folder));
  expect(folders.filter((name) => !names.includes(name))).toEqual([]);
});

test('the two worlds implement the ports file for file', () => {
  const shared = ['address.ts', 'index.ts', 'path.ts', 'verbs.ts']; // what is not a port, see docs/decisions/0001
  const ports = globSync('src/env/*.ts').map((path) => basename(path));
  const missing = ports
    .filter((name) => !shared.includes(name))
    .flatMap((name) => [`src/os/${name}`, `src/sim/${name}`])
    .filter((path) => !existsSync(path));
  expect(ports).toContain('disk.ts');
  expect(missing).toEqual([]);
});

test('no example is about a room that is not open', () => {
  const names = globSync('examples/*.ts').map((path) => basename(path, '.ts'));
  expect(names.filter((name) => !openRooms.includes(name))).toEqual([]);
});

test("every open room's page names its import path", () => {
  const pages = openRooms.map((room) => [room, `docs/${room}.md`] as const).filter(([, page]) => existsSync(page));
  expect(pages.filter(([room, page]) => !readFileSync(page, 'utf8').includes(`lockstep/${room}`))).toEqual([]);
});

test('every dependency earns its place, in a line of docs/dependencies.md', () => {
  const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as Record<
    string,
    Record<string, string> | undefined
  >;
  const names = ['dependencies', 'devDependencies'].flatMap((kind) => Object.keys(manifest[kind] ?? {}));
  const lines = readFileSync('docs/dependencies.md', 'utf8').split('\n');
  expect(names.filter((name) => !lines.some((line) => line.includes(`\`${name}\``)))).toEqual([]);
});

test('nothing is needed at run time; peers are optional, and tested in one version', () => {
  const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as {
    readonly devDependencies: Readonly<Record<string, string>>;
    readonly peerDependencies?: Readonly<Record<string, string>>;
    readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>;
  };
  expect(['dependencies', 'optionalDependencies'].filter((kind) => kind in manifest)).toEqual([]);
  const peers = Object.keys(manifest.peerDependencies ?? {});
  expect(peers.filter((name) => manifest.peerDependenciesMeta?.[name]?.optional !== true)).toEqual([]);
  expect(peers.filter((name) => !(name in manifest.devDependencies))).toEqual([]);
});
