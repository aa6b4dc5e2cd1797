/** Declares the commands that run an app. */
import { declare, nodeOptions, type Command } from '../declaration.ts';

const app = { name: 'APP', completes: 'file', isSetting: true } as const;
const data = {
  ...nodeOptions.data,
  about: 'where data lies; .lockstep/NAME without it, by the name of the app',
} as const;
const port = {
  value: 'N',
  about: 'where it listens; 4000 or, where that is taken, any; 0: any',
  isSetting: true,
} as const;

const dev: Command = declare({
  name: 'dev',
  summary: 'runs an app while you write it: restarts at every change, keeps its data, serves it on this machine',
  arguments: [app],
  options: { data, port, fresh: { about: 'begins without the data of before; not with --data' } },
  details: `APP is a module that exports one app, of \`defineApp\`; TypeScript runs as it is. When a file that it imports changes, a
new process takes over behind the open port, over the same data: requests wait meanwhile, and none fails. Where \`evolve\`
changed, states are folded again. Code that cannot be imported stops nobody: what ran before goes on.
.lockstep/ is put into .gitignore. Ctrl-C ends it; started again it goes on.`,
  examples: [
    'lockstep dev account.ts',
    'lockstep dev account.ts --fresh',
    'node --inspect node_modules/.bin/lockstep dev account.ts',
  ],
  run: async ({ APP }, options) => (await import('../dev.ts')).dev(APP, options),
});

const serve: Command = declare({
  name: 'serve',
  summary: 'runs an app and serves its node over HTTP, until it is told to end',
  arguments: [app],
  options: {
    data,
    port,
    host: { value: 'ADDRESS', about: 'listens there; 127.0.0.1 without it', isSetting: true },
  },
  details: `On this machine's own address nobody needs a secret; on any other whoever asks bears the one in LOCKSTEP_BEARER. SIGTERM
and Ctrl-C end it: what was begun is finished. Exit code 1 when the node cannot go on, as with a full disk.`,
  examples: [
    'lockstep serve account.ts',
    'LOCKSTEP_BEARER=… lockstep serve account.ts --data /var/lib/bank --host 0.0.0.0',
  ],
  run: async ({ APP }, options) => (await import('../serve.ts')).serveApp(APP, options),
});

const init: Command = declare({
  name: 'init',
  summary: 'makes an app of ten lines, a test of it in the simulator, and what else a project needs',
  arguments: [{ name: 'DIR', optional: true, completes: 'directory' }],
  options: {},
  details: 'DIR is made where it is not there; without it, it is this directory. What is there is kept as it is.',
  examples: ['lockstep init shop', 'npx lockstep init'],
  run: async ({ DIR }) => (await import('../init.ts')).init(DIR ?? '.'),
});

export const runCommands: readonly Command[] = [init, dev, serve];
