/**
 * Machines on a node over a directory: commands, reads, projections, starts. Before any partition: what deciding, folding, drawing and asking cost by themselves; and what declaring them costs
 * who writes them: the compiler's time for a file of machines, and how long an editor waits for what completes.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { accessTo, allow, expose } from '../src/machine/access.ts';
import { defineApp } from '../src/machine/app.ts';
import { contractOf } from '../src/machine/contract.ts';
import { drawMermaid } from '../src/machine/diagram-mermaid.ts';
import { drawMachineSvg } from '../src/machine/diagram-svg.ts';
import { fold, initialOf, step, type StoredEvent } from '../src/machine/engine.ts';
import { given } from '../src/machine/given.ts';
import { misfits } from '../src/machine/misfits.ts';
import { account, order, payslip, shipment } from '../test/models/shop.ts';
import { compilerProgram } from '../tools/run-suite.ts';
import type { Row, Side, Suite, WorkDone } from './harness.ts';
import { LanguageServer } from './machine/language-server.ts';
import { speedRatios, speedRows } from './machine/speed.ts';
import { machineProject, type MachineProject, type Place } from './machine/project.ts';
import type { Ratio } from './ratios.ts';

const names = {
  complete: 'complete a command after a key was pressed; 100 machines of 10 commands',
  check: 'check a file; 50 machines of 10 commands, and the same without them',
  inFile: 'in the file of the machines',
  inDecide: 'within `decide`, after `event(`',
  inHandler: 'in a handler of ten of them',
} as const;

const completion = (name: string, of: string): Ratio => ({
  name,
  row: names.complete,
  of,
  figure: 'p99Ms',
  bar: { atMost: 500 },
});

export const suite: Suite = {
  about:
    'Commands, reads, projections and starts are of a node over a directory in this process, which answers once its log ' +
    'was synced; `--large` adds a million instances. Deciding and folding alone are pure functions in memory. Completion is the language server of the installed TypeScript, asked as an editor asks, each time after an edit.',
  rows: async ({ quick, large = false }) => [
    ...(await speedRows({ quick, large })),
    decisions(quick),
    folds(quick),
    tools(quick),
    completions(quick),
    ...(quick ? [] : [checks()]), // three runs of the compiler; what it checks, `completions` opens too
  ],
  ratios: [
    ...speedRatios,
    completion('complete-in-file', names.inFile),
    completion('complete-in-decide', names.inDecide),
    completion('complete-in-handler', names.inHandler),
  ],
};

const now = new Date(0);
const context = { now, key: 'acme/a-1', version: 1, actor: 'bench', commandId: 'c', newId: (): string => 'id' };

function decisions(quick: boolean): Row {
  const pure: Side = {
    name: 'step',
    prepare: (operations) => () => {
      let state = { balance: 0 };
      for (let at = 0; at < operations; at++) {
        const outcome = step(account, state, { name: 'Deposit', data: { amount: 1 } }, context);
        state = outcome.state;
      }
      return state.balance;
    },
  };
  const tested: Side = {
    name: 'given and when, which check all',
    prepare: (operations) => () => {
      let events = 0;
      for (let at = 0; at < operations; at++)
        events += given(account, { type: 'Deposited', data: { amount: 1 } }).when('Deposit', { amount: 1 }).events
          .length;
      return events;
    },
  };
  const operations = quick ? 20 : 100_000;
  return { name: 'decide a command', unit: 'command', operations, reference: 'step', sides: [pure, tested] };
}

function folds(quick: boolean): Row {
  const folding = (name: string, events: readonly StoredEvent[]): Side => ({
    name,
    prepare: (operations) => () => {
      let sum = 0;
      for (let at = 0; at < operations; at += events.length) sum += fold(order, initialOf(order), events).total;
      return sum;
    },
  });
  const stream = (shape: number, data: unknown): readonly StoredEvent[] =>
    Array.from({ length: 100 }, () => ({ type: 'Placed', data, shape, at: now }));
  return {
    name: 'fold streams of 100 events',
    unit: 'event',
    operations: quick ? 200 : 2_000_000,
    reference: 'newest shape',
    sides: [
      folding('newest shape', stream(2, { total: 1, currency: 'EUR' })),
      folding('first shape, brought up', stream(1, { total: 1 })),
    ],
  };
}

function tools(quick: boolean): Row {
  const each = (name: string, work: () => number | Promise<number>): Side => ({
    name,
    prepare: (operations) => async () => {
      let sum = 0;
      for (let at = 0; at < operations; at++) sum += await work();
      return sum;
    },
  });
  const app = defineApp({ name: 'shop', parts: [account, order, payslip, shipment] });
  const inForce = contractOf(app);
  const api = expose([allow(order, { send: ['Place'], read: true }), allow(account, { read: true })], async () => ({
    actor: 'ann',
  }));
  const request = new Request('http://shop.test/');
  const sides = [
    each('draw a table of six states, SVG', () => drawMachineSvg(shipment).length),
    each('draw it, Mermaid', () => drawMermaid(shipment).length),
    each('compare the contract of four machines', () => misfits(inForce, contractOf(app)).length + 1),
    each('ask for access', async () =>
      (await accessTo(api, request, { kind: 'read', name: 'account', key: 'a-1' })).kind === 'granted' ? 1 : Number.NaN,
    ),
  ];
  return {
    name: 'what tools and the edge ask',
    unit: 'call',
    operations: quick ? 5 : 5_000,
    reference: 'ask for access',
    sides,
  };
}

/** One server for each side: a file that is open costs time in the answers about others. */
function completions(quick: boolean): Row {
  const [machineCount, commandCount] = quick ? [2, 2] : [100, 10];
  const side = (name: string, placeOf: (project: MachineProject) => Place): Side => ({
    name,
    prepare: async (operations) => {
      const project = machineProject(machineCount, commandCount);
      const place = placeOf(project);
      const server = await LanguageServer.start(compilerProgram, project.folder);
      const close = (): void => {
        server.close();
        project.remove();
      };
      let edits = 0;
      const complete = async (): Promise<{ readonly count: number; readonly ms: number }> => {
        server.show(place.path, place.text(edits++));
        const startedAt = performance.now();
        const labels = await server.complete(place.path, place.position);
        const ms = performance.now() - startedAt;
        if (!labels.includes(place.expected)) throw new Error(`${place.expected} is not among ${labels.join(', ')}`);
        return { count: labels.length, ms };
      };
      const first = await complete().catch((error: unknown) => {
        close();
        throw error;
      }); // of a server that has read nothing yet
      const run = async (): Promise<WorkDone> => {
        const latenciesMs = new Float64Array(operations);
        let checksum = 0;
        for (let at = 0; at < operations; at++) {
          const { count, ms } = await complete();
          latenciesMs[at] = ms;
          checksum += count;
        }
        return { checksum, latenciesMs, facts: { 'first ms': Math.round(first.ms) } };
      };
      return { run, close };
    },
  });
  const sides = [
    side(names.inFile, (project) => project.inMachines),
    side(names.inDecide, (project) => project.inDecide),
    side(names.inHandler, (project) => project.inHandler),
  ];
  return {
    name: names.complete,
    unit: 'completion',
    operations: quick ? 1 : 10,
    reference: names.inFile,
    sides: quick ? sides.slice(0, 1) : sides, // each starts a compiler
  };
}

const runProgram = promisify(execFile);

function checks(): Row {
  const checking = (name: string, configOf: (project: MachineProject) => string): Side => ({
    name,
    prepare: () => {
      const project = machineProject(50, 10);
      const run = async (): Promise<number> => {
        await runProgram(process.execPath, [compilerProgram, '-p', configOf(project)]); // it rejects where a type is wrong
        return 1;
      };
      return { run, close: () => project.remove() };
    },
  });
  const [withThem, without] = ['50 machines', 'without them'];
  return {
    name: names.check,
    unit: 'check',
    operations: 1,
    reference: without,
    sides: [checking(withThem, ({ configs }) => configs.machines), checking(without, ({ configs }) => configs.without)],
    goal: {
      says: 'less than a second more than without',
      met: (results) => {
        const ms = (name: string): number => (results.get(name)?.microseconds ?? Number.NaN) / 1_000;
        return ms(withThem) - ms(without) < 1_000;
      },
    },
  };
}
