/** Declares the commands that look at what is stored: files of logs and trees, contracts, replays, personal data. */
import { appArgument, declare, jsonOption, type Command } from '../declaration.ts';

const directory = { name: 'DIR', completes: 'directory' } as const;

const logInspect: Command = declare({
  name: 'log inspect',
  summary: 'what the files of a log say: owner, claims, epochs, segments, marks, torn ends, damage',
  arguments: [directory],
  options: { json: jsonOption },
  details: `DIR is the directory of a log, or of an engine with its logs. Reads everything, changes nothing, and may run beside the
process that owns it. Exit code 1 when damage is found.`,
  examples: ['lockstep log inspect ./data/log', 'lockstep log inspect ./data/log/orders --json'],
  run: async ({ DIR }, { json }) => (await import('../inspect.ts')).inspectLogs(DIR, json),
});

const storageInspect: Command = declare({
  name: 'storage inspect',
  summary: 'what the files of a storage tree say: levels, tables with keys and revisions, journal, leavings, damage',
  arguments: [directory],
  options: { json: jsonOption },
  details: `DIR is the directory of a tree or a checkpoint, or one that holds some. Reads everything, changes nothing, and may run
beside the process that owns it. Exit code 1 when damage is found.`,
  examples: ['lockstep storage inspect ./data/state'],
  run: async ({ DIR }, { json }) => (await import('../inspect.ts')).inspectTrees(DIR, json),
});

const inspect: Command = declare({
  name: 'inspect',
  summary: 'whether all files of a node are whole, its logs and its states, without its app',
  arguments: [directory],
  options: { json: jsonOption },
  details: `DIR is what the node is opened with as \`data\`. Reads every byte, changes nothing, and may run beside the process that has it.
Exit code 1 when damage is found: then it says in which files, and where. \`log inspect\` and \`storage inspect\` tell
more of what is whole too.`,
  examples: ['lockstep inspect ./data'],
  run: async ({ DIR }, { json }) => (await import('../inspect.ts')).inspectNode(DIR, json),
});

const contract: Command = declare({
  name: 'contract',
  summary: 'writes what an app promises to what it has stored, for version control; --check compares',
  arguments: [appArgument, { name: 'FILE', completes: 'file' }],
  options: {
    check: { about: 'writes nothing; lists what of the app does not fit FILE, or that FILE lacks what is new' },
  },
  details: `FILE has names, shapes and versions of the app's machines, commands, events and projections, as JSON. APP is a module
that exports one app, of \`defineApp\`; it is imported, so it should not open a node. Give --check the FILE of what is
deployed: exit code 0 it fits and FILE is up to date, 1 otherwise.`,
  examples: ['lockstep contract app.ts contract.json', 'lockstep contract app.ts contract.json --check'],
  run: async ({ APP, FILE }, { check }) => (await import('../contract.ts')).contractFile(APP, FILE, check),
});

const draw: Command = declare({
  name: 'draw',
  summary: 'draws a table of transitions, as text for Mermaid or as SVG',
  arguments: [appArgument, { name: 'MACHINE', optional: true }],
  options: { svg: { about: 'a picture, with a style of its own' } },
  details: `MACHINE is the name of a machine that fsm(…) made; needed where the app has several. What is drawn goes to standard output.`,
  examples: ['lockstep draw app.ts order >> order.md', 'lockstep draw app.ts order --svg > order.svg'],
  run: async ({ APP, MACHINE }, { svg }) => (await import('../draw.ts')).drawMachine(APP, MACHINE, svg),
});

const verify: Command = declare({
  name: 'verify',
  summary: 'whether what an app has stored is what its code makes of its events',
  arguments: [appArgument, directory],
  options: {
    replay: { about: 'folds all events again; needed, as it is all that is compared so far' },
    json: jsonOption,
  },
  details: `Folds the events of every stream again and compares what they make with the state that is stored: finds an evolve that
is not pure, or that changed while the codeVersion stayed. States of an older codeVersion are folded, not compared.
APP is a module that exports one app, of \`defineApp\`; DIR is what its node is opened with as \`data\`, where the logs
are too. The node is opened, so what is due there happens, as messages and deadlines; beside a process that has DIR
this is refused: there, node.verifyReplay() does the same. Exit code 1 when something differs.`,
  examples: ['lockstep verify app.ts ./data --replay'],
  run: async ({ APP, DIR }, { replay, json }) => (await import('../verify.ts')).verifyApp(APP, DIR, { replay, json }),
});

const forget: Command = declare({
  name: 'forget',
  summary: "destroys the key of a subject's personal data: its fields read as null from then on",
  arguments: [appArgument, directory, { name: 'SUBJECT' }],
  options: {},
  details: `Projections delete what they copied. SUBJECT is what \`subject\` of a machine gives, by default the place. APP and DIR are
as for verify. Beside a process that has DIR this is refused: there, node.send(subjects, SUBJECT, 'Forget') does it.`,
  examples: ['lockstep forget app.ts ./data ann'],
  run: async ({ APP, DIR, SUBJECT }) => (await import('../forget.ts')).forgetSubject(APP, DIR, SUBJECT),
});

export const storedCommands: readonly Command[] = [verify, inspect, contract, draw, forget, logInspect, storageInspect];
