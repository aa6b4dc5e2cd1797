/** All commands of `lockstep`, in the order of the help. Each is declared in `commands/`; what it does is loaded when it runs. */
import { ownCommands } from './commands/itself.ts';
import { judgeCommands } from './commands/judge.ts';
import { keepCommands } from './commands/keep.ts';
import { runCommands } from './commands/run.ts';
import { storedCommands } from './commands/stored.ts';
import { talkCommands } from './commands/talk.ts';
import type { Command } from './declaration.ts';
import type { CommandGroup } from './help.ts';

export const commandGroups: readonly CommandGroup[] = [
  { heading: 'run an app', commands: runCommands },
  { heading: 'talk to a node that runs', commands: talkCommands },
  { heading: 'look at what is stored', commands: storedCommands },
  { heading: 'keep it and move it', commands: keepCommands },
  { heading: 'judge an app, or a recorded history', commands: judgeCommands },
  { heading: 'the command line itself', commands: ownCommands },
];

export const commands: readonly Command[] = commandGroups.flatMap((group) => group.commands);
