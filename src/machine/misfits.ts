/**
 * What of a declared contract does not fit one that is in force. Three can be hurt: stored events, which stay as they are;
 * states, which are folded from them; and senders, whose messages may be on their way. What is merely new always fits.
 */
import { LockstepError } from '../kernel/errors.ts';
import type { TransitionTable } from './definition.ts';
import type { Contract, MachineContract, Shape } from './contract.ts';

export interface Misfit {
  /** Who is hurt. `stored-events` and `states` keep a node from starting; `senders` may be meant. */
  readonly breaks: 'stored-events' | 'states' | 'senders';
  /** `order`, `order.Placed`, `shipment.moving`. */
  readonly where: string;
  readonly problem: string;
  readonly advice: string;
}

/** In the order of names; empty: it fits. */
export function misfits(inForce: Contract, declared: Contract): readonly Misfit[] {
  return Object.entries(inForce.machines).flatMap(([name, old]) => {
    const now = declared.machines[name];
    if (now !== undefined) return machineMisfits(name, old, now);
    const advice = 'keep the name and rename the variable, or keep the machine';
    return [
      { breaks: 'stored-events', where: name, problem: 'is gone, and its streams have no code', advice } as const,
    ];
  });
}

/**
 * Refuses to go on with code that does not fit what is stored; senders do not count.
 * @throws LockstepError `misuse` with a line for each misfit.
 */
export function assertFits(inForce: Contract, declared: Contract): void {
  const found = misfits(inForce, declared).filter(({ breaks }) => breaks !== 'senders');
  if (found.length === 0) return;
  throw new LockstepError('misuse', 'this code does not fit what is stored; the node did not start', {
    values: { app: declared.app, misfits: found.length },
    advice: found.slice(0, linesMax).map(misfitText),
  });
}

const linesMax = 50;

/** `order.Placed  has a new shape and no new version: keep both: …` */
export const misfitText = ({ where, problem, advice }: Misfit): string => `${where}  ${problem}: ${advice}`;

function machineMisfits(name: string, old: MachineContract, now: MachineContract): readonly Misfit[] {
  return [
    ...codeVersionMisfits(name, old, now),
    ...Object.entries(old.events).flatMap(([event, shapes]) =>
      eventMisfits(`${name}.${event}`, shapes, now.events[event]),
    ),
    ...Object.entries(old.commands).flatMap(([command, shape]) =>
      commandMisfits(`${name}.${command}`, shape, now.commands, command),
    ),
    ...tableMisfits(name, old, now),
  ];
}

function codeVersionMisfits(where: string, old: MachineContract, now: MachineContract): readonly Misfit[] {
  if (now.codeVersion >= old.codeVersion) return [];
  const problem = `has codeVersion ${now.codeVersion}, and ${old.codeVersion} has run`;
  return [{ breaks: 'states', where, problem, advice: 'newer code has run: run that, or raise it further' }];
}

function eventMisfits(where: string, old: readonly Shape[], now: readonly Shape[] | undefined): readonly Misfit[] {
  const misfit = (problem: string, advice: string): Misfit => ({ breaks: 'stored-events', where, problem, advice });
  if (now === undefined)
    return [
      misfit('is gone, and may be stored', 'keep the event and its `evolve`, also when nothing makes it any more'),
    ];
  if (now.length < old.length)
    return [misfit(`has ${now.length} shapes, and ${old.length} are stored`, 'newer code wrote it: run that')];
  const changed = old.findIndex((shape, at) => !isSameShape(shape, now[at] ?? null));
  if (changed === -1) return [];
  if (changed === now.length - 1 && now.length === old.length)
    return [misfit('has a new shape and no new version', 'keep both: versions(<stored>).next(<declared>, (old) => …)')];
  return [
    misfit(`has another shape ${changed + 1} than what is stored`, 'old shapes stay as they were; add one at the end'),
  ];
}

function commandMisfits(
  where: string,
  old: Shape,
  commands: MachineContract['commands'],
  command: string,
): readonly Misfit[] {
  const now = commands[command];
  const misfit = (problem: string, advice: string): Misfit => ({ breaks: 'senders', where, problem, advice });
  if (now === undefined) return [misfit('is gone, and may be on its way', 'keep it until nobody sends it any more')];
  if (isSameShape(old, now)) return [];
  return [misfit('takes other data than before', 'take the old data too, or make a new command')];
}

function tableMisfits(name: string, old: MachineContract, now: MachineContract): readonly Misfit[] {
  const isRaised = now.codeVersion > old.codeVersion;
  const raise = 'raise codeVersion, so that states are folded again';
  if (old.table === null || now.table === null) {
    if (old.table === now.table || isRaised) return [];
    return [{ breaks: 'states', where: name, problem: 'is declared in the other form', advice: raise }];
  }
  return transitionsOf(old.table).flatMap(({ from, event, to }): readonly Misfit[] => {
    const where = `${name}.${from}`;
    const target = now.table?.states[from]?.on[event];
    if (target === undefined) {
      const problem = `does not take ${event} any more, which may be stored`;
      return [{ breaks: 'stored-events', where, problem, advice: 'keep the state and its transition' }];
    }
    if (target === to || isRaised) return [];
    return [{ breaks: 'states', where, problem: `${event} leads to ${target}, and led to ${to}`, advice: raise }];
  });
}

const transitionsOf = ({ states }: TransitionTable): readonly { from: string; event: string; to: string }[] =>
  Object.entries(states).flatMap(([from, { on }]) => Object.entries(on).map(([event, to]) => ({ from, event, to })));

/** A shape that is not said fits all. Both are in the order of their names. */
const isSameShape = (one: Shape, other: Shape): boolean =>
  one === null || other === null || JSON.stringify(one) === JSON.stringify(other);
