/** Declares the commands that are about the command line itself. */
import { completionScripts } from '../completion-scripts.ts';
import { declare, jsonOption, type Command } from '../declaration.ts';
import { LockstepError } from '../../kernel/errors.ts';
import { settings, variableOf } from '../settings.ts';
import { columns } from '../help.ts';

const shells = Object.keys(completionScripts);
const about = columns(
  Object.entries(settings).map(([name, one]) => [name, `${one.about}; ${variableOf(name)}`] as const),
);

const config: Command = declare({
  name: 'config',
  summary: 'the settings that hold here, and where each comes from',
  arguments: [],
  options: { json: jsonOption },
  details: [
    'An option of a command comes first, then the environment, then lockstep.config.json, then `lockstep` in package.json.',
    'The secret of a node elsewhere is in the environment alone: LOCKSTEP_BEARER.',
    '',
    ...about,
  ].join('\n'),
  examples: ['lockstep config', 'LOCKSTEP_PORT=4100 lockstep config --json'],
  run: async (_args, options) => (await import('../config.ts')).showConfig(options),
});

const completion: Command = declare({
  name: 'completion',
  summary: 'prints what completes the words of `lockstep` in a shell',
  arguments: [{ name: 'SHELL', completes: shells }],
  options: {},
  details: 'Commands, options, files, and the machines and commands of the node that runs.',
  examples: [
    'eval "$(lockstep completion bash)"',
    'lockstep completion zsh > ~/.zfunc/_lockstep',
    'lockstep completion fish > ~/.config/fish/completions/lockstep.fish',
  ],
  run: async ({ SHELL }) => {
    if (!Object.hasOwn(completionScripts, SHELL))
      throw new LockstepError('misuse', 'this shell is not known', {
        values: { shell: SHELL },
        advice: [`known are ${shells.join(', ')}`],
      });
    console.log(completionScripts[SHELL as keyof typeof completionScripts]); // it is one of its keys
    return 0;
  },
});

export const ownCommands: readonly Command[] = [config, completion];
