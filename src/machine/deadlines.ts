/**
 * What the timers of machines do when they are due: end states of tables, send what was to be sent later, archive streams
 * that are over.
 */
import { LockstepError } from '../kernel/errors.ts';
import type { TimerHandler } from '../partition/timer/timer-fire.ts';
import { archiveHandler, archiveTimer } from './archive.ts';
import { sendTimer } from './effects.ts';
import { deadlineTimer, executeDeadline } from './execute.ts';
import type { MachineRuntime } from './runtime.ts';

/** For `timerService`. A deadline of a machine that is gone throws, so it lies with the dead timers until it is back. */
export function machineTimers(runtime: MachineRuntime): Readonly<Record<string, TimerHandler>> {
  return {
    [deadlineTimer]: (tx, { payload }) => {
      const { machine: name, key } = payload as { readonly machine: string; readonly key: string }; // as `execute` sets it
      const machine = runtime.machines.get(name);
      if (machine === undefined)
        throw new LockstepError('misuse', 'a deadline has come of a machine that is gone', {
          values: { machine: name, key },
        });
      executeDeadline(tx, runtime, machine, key);
    },
    [archiveTimer]: archiveHandler(runtime),
    [sendTimer]: (tx, { payload }) => {
      const { to, message } = payload as { readonly to: string; readonly message: Parameters<typeof tx.send>[1] }; // as `effects` sets it
      tx.send(to, message);
    },
  };
}
