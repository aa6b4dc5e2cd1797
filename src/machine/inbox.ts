/**
 * What machines send each other, where it arrives: each message is a command of its own transaction, exactly once. What is
 * decided against it is put among the dead letters at once, with the reason; what throws is tried again some times first.
 */
import type { MessageHandler } from '../partition/channel/message.ts';
import { commandMessageOf } from './effects.ts';
import { execute } from './execute.ts';
import { foldStep } from './fold-steps.ts';
import { commandSchema, type MachineRuntime } from './runtime.ts';
import { checkNow } from './schema.ts';

/** For `openPartitions`. */
export function machineMessages(runtime: MachineRuntime): MessageHandler {
  return (tx, { id, to, message }) => {
    const { machine: name, command, data, ...origin } = commandMessageOf(message);
    const machine = runtime.machines.get(name);
    const schema = machine === undefined ? undefined : commandSchema(machine, command);
    if (machine === undefined || schema === undefined)
      return { kind: 'rejected', code: 'not-known', details: { command: `${name}.${command}` } };
    const checked = checkNow(schema, data, { kind: 'command', name: `${name}.${command}` });
    const outcome = execute(tx, runtime, { machine, key: to, command, data: checked, ...origin, commandId: id });
    if (!('code' in outcome)) return undefined;
    if (outcome.code === 'unfolded') {
      foldStep(tx, runtime, machine, to);
      return { kind: 'later' };
    }
    return outcome.code === 'decided' ? outcome.details : outcome;
  };
}
