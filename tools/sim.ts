/** `npm run sim` as a process. What it does is in sim-command.ts. */
import { simCommand } from './sim-command.ts';

// The arguments say which seeds; what a shell still holds from a failed test must not.
delete process.env['LOCKSTEP_SEED'];
delete process.env['LOCKSTEP_SEEDS'];
process.exitCode = await simCommand(process.argv.slice(2));
