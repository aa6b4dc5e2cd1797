/**
 * The code of the package, dist/code: a file a public subpath and a program, and what they share in a few larger ones, as every
 * file costs a millisecond at each start. All lie in one folder, as deep as a room in src/: what a source finds by
 * `import.meta.url` it finds built too.
 */
import { globSync, readFileSync } from 'node:fs';
import { resolve, sep } from 'node:path';
import { rolldown, type OutputChunk } from 'rolldown';
import { codeName, openFiles } from './exports.ts';
import { engineClients, nodeFiles, openRooms, packagesOfRooms } from './layers.ts';

/** Modules of jobs: a thread finds the job among the exports of the file that holds it, so that must export it. */
const jobs = globSync('src/**/*.ts')
  .filter((path) => !path.endsWith('.test.ts') && readFileSync(path, 'utf8').includes('module: import.meta.url,'))
  .map((path) => path.slice('src/'.length, -'.ts'.length));
/** The command, and by the names that others find beside them: what is started as a process or a thread. */
const programs = { lockstep: 'cli/main', 'dev-worker': 'cli/dev-worker', 'job-worker': 'os/job-worker' };
const indexes = openRooms.map((room) => `${room}/index`);

interface Shelf {
  readonly name: string;
  /** Files without their `.ts`, and whole rooms. */
  readonly of: readonly string[];
}

/**
 * What is shared, from what the most need to what the fewest do. On a shelf stands what is named, and all that this imports
 * and that stands on none before it: so no shelf loads one after it.
 */
const shelves: readonly Shelf[] = [
  {
    name: 'shared-ground',
    of: [
      'kernel',
      'bytes',
      'env',
      'observe',
      'clock',
      'client/index',
      'log/within',
      'server/problem',
      'server/web-ports',
    ],
  },
  { name: 'shared-system', of: ['cli/connect', 'os/disk', 'os/job-messages'] },
  {
    name: 'shared-command',
    of: ['app-module', 'error-text', 'line', 'page', 'port', 'running-node', 'settings', 'telemetry'].map(
      (file) => `cli/${file}`,
    ),
  },
  { name: 'shared-log', of: ['ring/index', 'log/index', 'log/closing-engine', 'checkpoint/index'] },
  { name: 'shared-storage', of: ['storage/index', ...jobs] },
  { name: 'shared-partition', of: ['partition/index'] },
  { name: 'shared-node', of: ['node/open', 'server/index'] },
  { name: 'shared-http', of: ['server/node/http'] },
  { name: 'shared-host', of: ['index', 'server/node'] },
];

/** What the compiler brings, for `using`: on the first shelf. */
const isCompilers = (id: string): boolean => id.startsWith('\0');
const sourceOf = (module: string): string => resolve(`src/${module}.ts`);

/** False, and says why: what should run in a browser too imports something of Node. */
export async function bundle(directory: string): Promise<boolean> {
  const named = ['index', ...indexes, ...openFiles, ...jobs].map((module) => [codeName(module), module] as const);
  await using bundler = await rolldown({
    input: Object.fromEntries(
      [...named, ...Object.entries(programs)].map(([name, module]) => [name, sourceOf(module)]),
    ),
    platform: 'neutral',
    external: [
      /^node:/,
      ...Object.values(engineClients).flat(),
      ...Object.values(packagesOfRooms).map((name) => new RegExp(`^${name}/`)),
    ],
    transform: { target: 'es2024' },
    preserveEntrySignatures: 'allow-extension',
    onLog: (_level, { message }) => {
      throw new Error(message);
    },
  });
  const { output } = await bundler.write({
    dir: directory,
    format: 'es',
    sourcemap: true,
    sourcemapExcludeSources: true, // they are in the package
    minifyInternalExports: false,
    comments: { annotation: true, jsdoc: false, legal: false }, // what they say is in the types and the sources
    chunkFileNames: '[name].js',
    codeSplitting: {
      groups: shelves.map(({ name, of }, at) => ({
        name,
        test: (id) =>
          isCompilers(id) || of.some((one) => id === sourceOf(one) || id.startsWith(resolve('src', one) + sep)),
        priority: shelves.length - at,
      })),
    },
  });
  const chunks = output.filter((one) => one.type === 'chunk');
  const impure = [...indexes, ...openFiles]
    .filter((module) => !nodeFiles.includes(module))
    .flatMap((module) => nodeImports(`${codeName(module)}.js`, chunks));
  for (const path of impure) console.log(`${path}: this should run in a browser too`);
  return impure.length === 0;
}

/** By which files `file` comes to something of Node. */
function nodeImports(file: string, chunks: readonly OutputChunk[]): readonly string[] {
  const imports = new Map(chunks.map((chunk) => [chunk.fileName, chunk.imports]));
  const reached = new Set([file]);
  for (const one of reached) for (const next of imports.get(one) ?? []) reached.add(next);
  return [...reached]
    .filter((one) => imports.get(one)?.some((next) => next.startsWith('node:')))
    .map((one) => `${file} imports ${one}, which imports Node`);
}
