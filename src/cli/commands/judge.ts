/** Declares the commands that judge: an app in the simulator, and recorded histories. */
import { isolationLevels } from '../../check/anomalies.ts';
import { modelNames } from '../../check/named-models.ts';
import { declare, jsonOption, type Command } from '../declaration.ts';

const history = { name: 'FILE', completes: 'file' } as const;
const weathers = ['stormy', 'calm'] as const;
const orders = ['none', 'process', 'real-time'] as const;

const sim: Command = declare({
  name: 'sim',
  summary: 'runs the scenarios of a module in the simulator, over many seeds',
  arguments: [history, { name: 'SCENARIO', optional: true }],
  options: {
    seeds: { value: 'N', about: 'how many; 100 without it' },
    first: { value: 'N', about: 'the first of them; 1 without it' },
    seed: { value: 'S', about: 'this seed alone' },
    weather: {
      value: 'WEATHER',
      about: "the scenario's own without it: mostly stormy, each seed draws",
      completes: weathers,
    },
    twice: { about: 'every seed a second time, and compares; without it the first 20, and every tenth after them' },
    diagram: {
      value: 'OUT',
      about: 'draws the newest events of the last run, to OUT.svg or OUT.html',
      completes: 'file',
    },
    json: jsonOption,
  },
  details: `FILE exports scenarios, made by scenario() of 'lockstep/sim'; SCENARIO is the name of one of them. What is found comes
with its seed and the command that shows it again. Exit code 0 nothing was found, 2 something was, 1 anything else.`,
  examples: [
    'lockstep sim payday.sim.ts --seeds 5000',
    'lockstep sim payday.sim.ts payday --seed 17 --diagram payday.html',
  ],
  run: async ({ FILE: file, SCENARIO: name }, options) =>
    (await import('../sim.ts')).simulateFile({ file, name, ...options }),
});

const linearizable: Command = declare({
  name: 'check linearizable',
  summary: 'judges a recorded history: could an object that does one operation at a time have answered so?',
  arguments: [history],
  options: {
    model: { value: 'MODEL', about: `needed: ${modelNames.join(', ')}`, completes: modelNames },
    keyed: { about: 'values are vectors of a key and a value' },
    initial: { value: 'VALUE', about: 'the first value of a register, EDN; nil without it' },
    budget: { value: 'STEPS', about: 'how many steps to search' },
    html: { value: 'OUT', about: 'writes a page with the timeline', completes: 'file' },
    json: jsonOption,
  },
  details: `FILE has Jepsen's EDN maps, lines of its log, or JSON lines. Exit code 0 linearizable, 2 not linearizable, 4 unknown
because the budget ended, 1 anything else.`,
  examples: [
    'lockstep check linearizable history.edn --model cas-register',
    'lockstep check linearizable jepsen.log --model register --initial 0 --html timeline.html',
  ],
  run: async ({ FILE }, options) => (await import('../check.ts')).checkFile(FILE, options),
});

const transactions: Command = declare({
  name: 'check transactions',
  summary: 'judges a recorded history of transactions: which anomalies does it show?',
  arguments: [history],
  options: {
    level: {
      value: 'LEVEL',
      about: `serializable without it; ${isolationLevels.join(', ')}`,
      completes: isolationLevels,
    },
    order: {
      value: 'ORDER',
      about: 'none without it; process: each sees its own transactions in order; real-time',
      completes: orders,
    },
    budget: { value: 'EDGES', about: 'how many edges the search for shortest cycles may follow; changes no verdict' },
    html: { value: 'OUT', about: 'writes a page with the cycles drawn', completes: 'file' },
    json: jsonOption,
  },
  details: `FILE has EDN maps of Jepsen and Elle (list-append, rw-register), lines of Jepsen's log, or JSON lines. Exit code 0
nothing that the level forbids, 2 a violation, 4 unknown: the reads do not say enough, 1 anything else.`,
  examples: [
    'lockstep check transactions history.edn --level snapshot-isolation',
    'lockstep check transactions history.edn --level strict-serializable --html cycles.html',
  ],
  run: async ({ FILE }, options) => (await import('../check.ts')).checkTransactionsFile(FILE, options),
});

export const judgeCommands: readonly Command[] = [sim, linearizable, transactions];
