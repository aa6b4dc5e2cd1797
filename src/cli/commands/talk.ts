/** Declares the commands that talk to a node that runs. */
import { declare, nodeOptions, type Command } from '../declaration.ts';

const machine = { name: 'MACHINE', completes: 'machine' } as const;
const key = { name: 'KEY' } as const;

const send: Command = declare({
  name: 'send',
  summary: 'sends a command to an instance of a machine',
  arguments: [machine, key, { name: 'COMMAND', completes: 'command of the machine' }, { name: 'JSON', optional: true }],
  options: {
    'expected-version': { value: 'N', about: 'a conflict where the instance has another; 0: it was never written' },
    'command-id': { value: 'ID', about: 'a UUID of version 7: the same id runs once within 24 h' },
    ...nodeOptions,
  },
  details: `It is sent again with one id until it is decided, or 30 s are over. Exit code 0 committed, 2 rejected, 3 the instance
has another version, 4 nobody knows whether it happened: send it again with the id that is told. 1 anything else.`,
  examples: [
    `lockstep send account a-1 Deposit '{"amount":100}'`,
    `lockstep send account a-1 Withdraw '{"amount":5}' --expected-version 1`,
  ],
  run: async ({ MACHINE, KEY, COMMAND, JSON: text }, options) =>
    (await import('../send.ts')).send({ machine: MACHINE, key: KEY, command: COMMAND, text }, options),
});

const state: Command = declare({
  name: 'state',
  summary: 'the newest state of an instance',
  arguments: [machine, key],
  options: { step: { about: 'goes through its events, with the state after each' }, ...nodeOptions },
  details: '',
  examples: ['lockstep state account a-1', 'lockstep state account a-1 --step'],
  run: async ({ MACHINE, KEY }, options) => (await import('../look.ts')).showState(MACHINE, KEY, options),
});

const events: Command = declare({
  name: 'events',
  summary: 'events of a machine, or of each machine one after the other',
  arguments: [{ ...machine, optional: true }],
  options: {
    key: { value: 'KEY', about: 'of this instance alone' },
    follow: { about: 'then those that come, until Ctrl-C; goes on by itself where the node is started again' },
    after: { value: 'TOKEN', about: 'those behind this token; now: those that come' },
    ...nodeOptions,
  },
  details: 'Times are UTC. A token is in what --json tells of each event.',
  examples: ['lockstep events account --follow', 'lockstep events --json | grep Withdrawn'],
  run: async ({ MACHINE }, options) => (await import('../look.ts')).showEvents(MACHINE, options),
});

const query: Command = declare({
  name: 'query',
  summary: 'asks a query of the app',
  arguments: [
    { name: 'QUERY', completes: 'query' },
    { name: 'JSON', optional: true },
  ],
  options: { watch: { about: 'then each answer as it changes, until Ctrl-C' }, ...nodeOptions },
  details: 'JSON is the input. Without --json the value alone is shown.',
  examples: [`lockstep query orders-by-status '{"tenant":"acme","status":"placed"}'`],
  run: async ({ QUERY, JSON: text }, options) => (await import('../look.ts')).ask(QUERY, text, options),
});

const status: Command = declare({
  name: 'status',
  summary: 'how a node is: its log, partitions, projections, waits, dead letters',
  arguments: [],
  options: nodeOptions,
  details: 'Exit code 1 where a partition or a projection cannot go on.',
  examples: ['lockstep status', 'lockstep status --url https://bank.internal --json'],
  run: async (_args, options) => (await import('../health.ts')).showStatus(options),
});

const explain: Command = declare({
  name: 'explain',
  summary: 'what waits, for what, on whom, until when',
  arguments: [{ name: 'KEY', optional: true }],
  options: nodeOptions,
  details: 'With KEY what waits under it.',
  examples: ['lockstep explain', 'lockstep explain bob/2026-11'],
  run: async ({ KEY }, options) => (await import('../health.ts')).explain(KEY, options),
});

const projections: Command = declare({
  name: 'projections',
  summary: 'how far the rows of projections are, and why one goes no further',
  arguments: [],
  options: nodeOptions,
  details: '',
  examples: ['lockstep projections'],
  run: async (_args, options) => (await import('../health.ts')).showProjections(options),
});

const projectionsRetry: Command = declare({
  name: 'projections retry',
  summary: 'a projection that stopped tries its event once more',
  arguments: [{ name: 'NAME', completes: 'projection' }],
  options: nodeOptions,
  details: '',
  examples: ['lockstep projections retry orders'],
  run: async ({ NAME }, options) => (await import('../health.ts')).goOn(NAME, 'retry', options),
});

const projectionsSkip: Command = declare({
  name: 'projections skip',
  summary: 'a projection that stopped goes on without the event that it stopped at',
  arguments: [{ name: 'NAME', completes: 'projection' }],
  options: nodeOptions,
  details: 'Its rows never have that event.',
  examples: ['lockstep projections skip orders'],
  run: async ({ NAME }, options) => (await import('../health.ts')).goOn(NAME, 'skip', options),
});

const deadLetters: Command = declare({
  name: 'dead-letters list',
  summary: 'messages and deadlines that were put aside, and why',
  arguments: [],
  options: nodeOptions,
  details: 'The first hundred messages, and the first hundred timers, of each partition.',
  examples: ['lockstep dead-letters list'],
  run: async (_args, options) => (await import('../health.ts')).listDeadLetters(options),
});

const letter = { name: 'LETTER' } as const;

const deadLettersRetry: Command = declare({
  name: 'dead-letters retry',
  summary: 'tries a message or a deadline that was put aside once more',
  arguments: [letter],
  options: nodeOptions,
  details: 'LETTER is named as the list names it. Exit code 2 where it is refused again: then it stays.',
  examples: ['lockstep dead-letters retry 0/72fb1ae5323f4728.1.4'],
  run: async ({ LETTER }, options) => (await import('../health.ts')).settleDeadLetter(LETTER, 'retry', options),
});

const deadLettersDiscard: Command = declare({
  name: 'dead-letters discard',
  summary: 'drops a message or a deadline that was put aside, without any effect',
  arguments: [letter],
  options: nodeOptions,
  details: 'LETTER is named as the list names it.',
  examples: ['lockstep dead-letters discard 0/72fb1ae5323f4728.1.4'],
  run: async ({ LETTER }, options) => (await import('../health.ts')).settleDeadLetter(LETTER, 'discard', options),
});

const archive: Command = declare({
  name: 'archive',
  summary: 'packs the events of an instance that is over: they take less space, and are read as before',
  arguments: [machine, key],
  options: nodeOptions,
  details: `A rule of the machine does it by itself; this is for streams from before the rule. A command to the instance is decided
as ever. What was packed stays so when this is broken off: run it again.`,
  examples: ['lockstep archive parcel p-1'],
  run: async ({ MACHINE, KEY }, options) => (await import('../health.ts')).archive(MACHINE, KEY, options),
});

export const talkCommands: readonly Command[] = [
  send,
  state,
  events,
  query,
  status,
  explain,
  projections,
  projectionsRetry,
  projectionsSkip,
  deadLetters,
  deadLettersRetry,
  deadLettersDiscard,
  archive,
];
