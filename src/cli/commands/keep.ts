/** Declares the commands that keep what is stored and move it: backups, exports, imports. */
import { declare, jsonOption, nodeOptions, type Command } from '../declaration.ts';

const directory = { name: 'DIR', completes: 'directory' } as const;

const backup: Command = declare({
  name: 'backup',
  summary: 'keeps a backup of a node that runs, while it serves',
  arguments: [{ name: 'DEST', completes: 'directory' }],
  options: nodeOptions,
  details: `DEST is a directory of the node's machine; named again it gets what is new alone, and the newest two backups stay. Each
partition is backed up as of one moment, one after the other. It is done once the exit code is 0: run it from a timer. Of a node
that does not run the directory itself can be copied.`,
  examples: ['lockstep backup /backups/bank', 'lockstep backup /backups/bank --data .lockstep/bank --json'],
  run: async ({ DEST }, options) => (await import('../backup.ts')).backupNode(DEST, options),
});

const restore: Command = declare({
  name: 'restore',
  summary: 'makes a node of the newest backup',
  arguments: [{ name: 'SOURCE', completes: 'directory' }, directory],
  options: { json: jsonOption },
  details: `SOURCE is what a backup was kept in; DIR is where the node is to be: it is made, or empty. Every file is verified before anything is
installed. Then open it there: lockstep serve APP --data DIR.`,
  examples: ['lockstep restore /backups/bank ./bank-data'],
  run: async ({ SOURCE, DIR }, { json }) => (await import('../backup.ts')).restoreNode(SOURCE, DIR, { json }),
});

const exportEvents: Command = declare({
  name: 'export',
  summary: 'all events of a node that runs, one a line',
  arguments: [{ name: 'FILE', optional: true, completes: 'file' }],
  options: {
    machine: { value: 'MACHINE', about: 'of this machine alone', completes: 'machine' },
    key: { value: 'KEY', about: 'of this instance alone' },
    after: { value: 'TOKEN', about: 'those behind this token' },
    cloudevents: { about: 'as CloudEvents 1.0' },
    source: { value: 'URI', about: 'their source; without it lockstep' },
    values: { about: 'their data in our own codec, in which dates, bigints and bytes stay what they are' },
    ...nodeOptions,
  },
  details: `One machine after the other, each in the order of its partitions. FILE is new; without it they go to the output.
For a copy of the node use backup.`,
  examples: [
    'lockstep export events.jsonl',
    'lockstep export --cloudevents --source https://bank.example | gzip > events.gz',
  ],
  run: async ({ FILE }, options) => (await import('../export.ts')).exportEvents({ ...options, out: FILE }),
});

const importFile: Command = declare({
  name: 'import',
  summary: 'sends the rows of a file as commands to a node that runs',
  arguments: [{ name: 'FILE', completes: 'file' }],
  options: {
    mapping: { value: 'FILE', about: 'how a row becomes a command; CSV needs one', completes: 'file' },
    separator: { value: 'CHARACTER', about: 'between the fields of a .csv file; without it a comma' },
    again: { about: 'from the first row, though it was imported, as new commands' },
    ...nodeOptions,
  },
  details: `A .csv or .tsv file has names in its first line; any other is JSON, one object a line, CloudEvents too. Without a
mapping each is {"machine", "key", "command", "data"}. A mapping is such an object with names of the row in braces:
  {"machine": "order", "command": "Place", "key": "{id}", "data": {"total": "{price:number}", "note": "{note?}"},
   "when": {"status": ["new", "paid"]}}
:number, :boolean and :json say what a text is; ? leaves out what is empty; a.b is the b in a; of a list each applies
whose "when" fits. Rows of one instance are sent in order. FILE.import.json beside the file says how far it is: what is
begun again within 24 h goes on there, and nothing happens twice. Exit code 2 where something was rejected.`,
  examples: [
    'lockstep import orders.csv --mapping orders.json',
    'lockstep import commands.jsonl --data .lockstep/bank',
  ],
  run: async ({ FILE }, options) => (await import('../import.ts')).importFile(FILE, options),
});

export const keepCommands: readonly Command[] = [backup, restore, exportEvents, importFile];
