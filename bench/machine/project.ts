/**
 * A project in a folder of its own: one file of many machines, and beside it the same file without them; a handler that
 * sends to them. Each machine has payloads, a state, events and a rejection of its own, so that nothing is checked once for
 * all of them.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Position } from './language-server.ts';

/** As in a browser: what the ports' interfaces name is all there, without Node's own types. */
const lib = ['es2024', 'esnext.disposable', 'dom', 'dom.iterable'];

const source = (file: string): string => JSON.stringify(resolve('src/machine', file));

export interface MachineProject {
  readonly folder: string;
  /** Checks the machines, or all of the same but them. */
  readonly configs: { readonly machines: string; readonly without: string };
  /** In the file of the machines itself, below them. */
  readonly inMachines: Place;
  /** Within the `decide` of one more machine, below them. */
  readonly inDecide: Place;
  /** In a file that imports ten of them. */
  readonly inHandler: Place;
  remove(): void;
}

/** Where an editor asks: `text(edit)` is the file after another key was pressed elsewhere in it. */
export interface Place {
  readonly path: string;
  text(edit: number): string;
  readonly position: Position;
  /** What must be among the answers. */
  readonly expected: string;
}

export function machineProject(machineCount: number, commandCount: number): MachineProject {
  const folder = mkdtempSync(join(tmpdir(), 'lockstep-machines-'));
  const imports =
    `import { machine } from ${source('machine.ts')};\nimport { reject } from ${source('rejection.ts')};\n` +
    `import { unchecked } from ${source('schema.ts')};\nimport type { Connection } from ${source('connection.ts')};\n` +
    'export declare const connection: Connection;\n';
  const machines = Array.from({ length: machineCount }, (_, at) => machineText(at, commandCount)).join('');
  const used = Math.min(10, machineCount);
  const names = Array.from({ length: used }, (_, at) => `machine${at}`);
  const handler =
    `import { connection, ${names.join(', ')} } from './machines.ts';\n` +
    names.map((name) => `void connection.send(${name}, 'key', 'Command0', { field0: 1 });\n`).join('');
  const place = (
    file: string,
    before: string,
    asking = "void connection.send(machine0, 'key', '');",
    expected = 'Command0',
  ): Place => ({
    path: join(folder, file),
    text: (edit) => `${before}export const edit = ${edit};\n${asking}\n`,
    position: { line: before.split('\n').length, character: asking.indexOf("''") + 1 },
    expected,
  });
  const inMachines = place('machines.ts', imports + machines);
  const inHandler = place('handler.ts', handler);
  const inDecide = place('machines.ts', imports + machines, lastMachine, 'Event0');
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'module' }));
  writeFileSync(inMachines.path, imports + machines);
  writeFileSync(inHandler.path, handler);
  writeFileSync(join(folder, 'without.ts'), `${imports}void [machine, reject, unchecked];\n`);
  const config = (name: string, files: readonly string[]): string => {
    const path = join(folder, name);
    writeFileSync(
      path,
      JSON.stringify({ extends: resolve('tsconfig.json'), compilerOptions: { types: [], lib }, files, include: [] }),
    );
    return path;
  };
  return {
    folder,
    configs: {
      machines: config('tsconfig.json', ['machines.ts', 'handler.ts']),
      without: config('without.json', ['without.ts']),
    },
    inMachines,
    inDecide,
    inHandler,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** On one line, as far as it is written. */
const lastMachine =
  "export const last = machine({ name: 'last', initial: () => ({ count: 0 }), commands: { Count: unchecked<{ by: number }>() }, " +
  'events: { Event0: unchecked<{ by: number }>(), Event1: unchecked<{ by: number }>() }, ' +
  "decide: { Count: (_state, { by }, { event }) => [event('', { by })] }, " +
  'evolve: { Event0: ({ count }, { by }) => ({ count: count + by }), Event1: (state) => state } });';

function machineText(at: number, commandCount: number): string {
  const each = (text: (command: number) => string): string =>
    Array.from({ length: commandCount }, (_, command) => text(command)).join('');
  return `
export const machine${at} = machine({
  name: 'machine${at}',
  initial: (): { total${at}: number; status: 'new' | 'open' | 'closed' } => ({ total${at}: 0, status: 'new' }),
  commands: {
${each((command) => `    Command${command}: unchecked<{ field${command}: number; note?: string }>(),\n`)}  },
  events: {
${each((command) => `    Event${command}: unchecked<{ field${command}: number }>(),\n`)}  },
  decide: {
${each(
  (command) => `    Command${command}: (state, { field${command} }, { event }) =>
      state.status === 'closed' ? reject('closed${command}', { at: state.total${at} }) : [event('Event${command}', { field${command} })],
`,
)}  },
  evolve: {
${each((command) => `    Event${command}: (state, { field${command} }) => ({ ...state, total${at}: state.total${at} + field${command}, status: 'open' }),\n`)}  },
});
`;
}
