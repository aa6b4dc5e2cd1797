/**
 * What a node counts of its work: commands that are sent from it, by what became of them and how long that took, and events
 * that it decided, those of messages and deadlines too. Rates are for who reads them twice.
 */
import type { Clock } from '../env/clock.ts';
import { elapsedMs } from '../kernel/time.ts';
import type { CommandMiddleware, CommandOutcome } from '../machine/router.ts';
import type { OnRow } from '../machine/runtime.ts';
import type { Counter, Metrics } from '../observe/metrics.ts';

/** Names of what is counted, as `/metrics` tells it. */
export const commandMetricNames = {
  commands: 'lockstep_commands',
  rejections: 'lockstep_rejections',
  events: 'lockstep_events',
  commandMs: 'lockstep_command_ms',
} as const;

/** To stand around all other middleware, so that it measures what the sender waits. */
export function countCommands(metrics: Metrics, clock: Clock): CommandMiddleware {
  const { commands, rejections, commandMs } = commandMetricNames;
  const outcomes = metrics.counters({
    name: commands,
    help: 'commands sent from this node, by what became of them; failed: an error was thrown',
    labels: ['machine', 'outcome'],
  });
  const codes = metrics.counters({
    name: rejections,
    help: 'commands that their machine rejected, by its code',
    labels: ['machine', 'code'],
  });
  const took = metrics.histogram({ name: commandMs, help: 'from sending a command to its outcome, in milliseconds' });
  const countOutcome = handles((machine, outcome) => outcomes.of({ machine, outcome }));
  return (command, next) => {
    const { machine } = command;
    const begun = clock.now();
    const sent = next(command);
    const count = (outcome: CommandOutcome['kind'] | 'failed'): void => {
      countOutcome(machine, outcome).add(1);
      took.record(elapsedMs(begun, clock.now()));
    };
    sent.then(
      (outcome) => {
        count(outcome.kind);
        if (outcome.kind === 'rejected') codes.of({ machine, code: outcome.code }).add(1);
      },
      () => count('failed'), // whoever sent it is told why
    );
    return sent;
  };
}

export function countEvents(metrics: Metrics): OnRow {
  const family = metrics.counters({
    name: commandMetricNames.events,
    help: 'events that this node decided, as commands, messages and deadlines led to them',
    labels: ['machine'],
  });
  const counterOf = handles((machine) => family.of({ machine }));
  return (_tx, { name }, { events }) => counterOf(name, '').add(events.length);
}

/** Handles are asked for once: machines and kinds of outcomes are few. */
function handles(make: (machine: string, kind: string) => Counter): (machine: string, kind: string) => Counter {
  const byMachine = new Map<string, Map<string, Counter>>();
  return (machine, kind) => {
    const known = byMachine.get(machine)?.get(kind);
    if (known !== undefined) return known;
    const counter = make(machine, kind);
    byMachine.set(machine, (byMachine.get(machine) ?? new Map<string, Counter>()).set(kind, counter));
    return counter;
  };
}
