/**
 * What of a declared contract does not fit one that is in force. Four can be hurt: stored events, which stay as they are;
 * states and rows, which are made of them; and senders, whose messages may be on their way. What is merely new always fits,
 * and so does a shape that is not said.
 */
import { LockstepError, type ErrorValues } from '../kernel/errors.ts';
import type { TransitionTable } from './definition.ts';
import type { Contract, MachineContract, Shape } from './contract.ts';
import { missingIn, shapeText } from './shape-text.ts';
import { uncounted, type StoredCounts } from './stored-counts.ts';

export interface Misfit {
  /** Who is hurt. All but `senders`, who may be meant, keep a node from starting. */
  readonly breaks: 'stored-events' | 'states' | 'rows' | 'senders';
  /** What `where` names. */
  readonly subject: 'machine' | 'event' | 'command' | 'state' | 'projection';
  /** `order`, `order.Placed`, `shipment.moving`. */
  readonly where: string;
  readonly problem: string;
  /** How many such events are stored; null: that is not known, or is no matter of events. */
  readonly stored: string | null;
  /** What to do; then, where shapes differ, both of them. */
  readonly advice: readonly [string, ...string[]];
}

/** In the order of names; empty: it fits. `counts` is asked for what does not. */
export function misfits(inForce: Contract, declared: Contract, counts: StoredCounts = uncounted): readonly Misfit[] {
  const ofMachines = Object.entries(inForce.machines).flatMap(([name, old]) => {
    const now = own(declared.machines, name);
    return now === undefined ? [goneMachine(name, counts)] : machineMisfits(name, old, now, counts);
  });
  return [...ofMachines, ...projectionMisfits(inForce, declared)];
}

/**
 * Refuses to go on with code that does not fit what is stored; senders do not count.
 * @throws LockstepError `misuse`: one misfit by itself, or a list of them.
 */
export function assertFits(inForce: Contract, declared: Contract, counts?: StoredCounts): void {
  const found = misfits(inForce, declared, counts).filter(({ breaks }) => breaks !== 'senders');
  const [only] = found;
  if (only === undefined) return;
  if (found.length === 1) {
    const {
      subject,
      where,
      problem,
      stored,
      advice: [first, ...shapes],
    } = only;
    const values: ErrorValues = { [subject]: where, ...(stored === null ? {} : { stored }) };
    const article = subject === 'event' ? 'an' : 'a';
    throw new LockstepError('misuse', `${article} ${subject} ${problem}; the node did not start`, {
      values,
      advice: [...shapes, first],
    });
  }
  throw new LockstepError('misuse', 'this code does not fit what is stored; the node did not start', {
    values: { app: declared.app, misfits: found.length },
    advice: found.slice(0, listedMax).flatMap(misfitLines),
  });
}

const listedMax = 50;

/** `order.Placed  has a new shape and no new version (stored: 412): keep both: …`, then both shapes. */
export const misfitLines = ({ where, problem, stored, advice: [first, ...more] }: Misfit): readonly string[] => [
  `${where}  ${problem}${stored === null ? '' : ` (stored: ${stored})`}: ${first}`,
  ...more.map((line) => `  ${line}`),
];

function goneMachine(name: string, counts: StoredCounts): Misfit {
  const streams = counts.streams(name);
  const have = streams === '1' ? 'stream has' : 'streams have';
  const problem = streams === null ? 'is gone, and its streams have no code' : `is gone, ${streams} ${have} no code`;
  const advice = ['keep the name and rename the variable, or keep the machine'] as const;
  return { breaks: 'stored-events', subject: 'machine', where: name, problem, stored: null, advice };
}

/** One that is gone, or is of an older `codeVersion`, hurts nobody: each version has rows of its own. */
function projectionMisfits(inForce: Contract, declared: Contract): readonly Misfit[] {
  return Object.entries(inForce.projections ?? {}).flatMap(([name, old]) => {
    const now = own(declared.projections ?? {}, name);
    if (now === undefined || now.codeVersion !== old.codeVersion) return [];
    const [before, indexes] = [old.indexes?.join(', '), now.indexes?.join(', ')];
    if (before !== undefined && indexes !== undefined && before !== indexes) {
      const problem = 'has other indexes and the same codeVersion';
      const advice = [raise, `stored    ${before}`, `declared  ${indexes}`] as const;
      return [{ breaks: 'rows', subject: 'projection', where: name, problem, stored: null, advice }];
    }
    if (isSameShape(old.row, now.row)) return [];
    const problem = 'has rows of a new shape and the same codeVersion';
    const advice = [raise, ...bothShapes(old.row, now.row)] as const;
    return [{ breaks: 'rows', subject: 'projection', where: name, problem, stored: null, advice }];
  });
}

const raise = 'raise codeVersion, so that its rows are built again';

const bothShapes = (old: Shape, now: Shape): readonly [string, string] => [
  `stored    ${shapeText(old)}`,
  `declared  ${shapeText(now)}`,
];

function machineMisfits(
  name: string,
  old: MachineContract,
  now: MachineContract,
  counts: StoredCounts,
): readonly Misfit[] {
  return [
    ...codeVersionMisfits(name, old, now),
    ...Object.entries(old.events).flatMap(([event, shapes]) =>
      eventMisfits(`${name}.${event}`, shapes, own(now.events, event), () => counts.events(name, event)),
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
  return [stateMisfit('machine', where, problem, 'newer code has run: run that, or raise it further')];
}

function stateMisfit(subject: 'machine' | 'state', where: string, problem: string, advice: string): Misfit {
  return { breaks: 'states', subject, where, problem, stored: null, advice: [advice] };
}

function eventMisfits(
  where: string,
  old: readonly Shape[],
  now: readonly Shape[] | undefined,
  stored: () => string | null,
): readonly Misfit[] {
  const misfit = (problem: string, ...advice: Misfit['advice']): readonly Misfit[] => [
    { breaks: 'stored-events', subject: 'event', where, problem, stored: stored(), advice },
  ];
  if (now === undefined)
    return misfit('is gone, and may be stored', 'keep the event and its `evolve`, also when nothing makes it any more');
  if (now.length < old.length)
    return misfit(`has ${now.length} shapes, and ${old.length} are stored`, 'newer code wrote it: run that');
  const changed = old.findIndex((shape, at) => !isSameShape(shape, now[at] ?? null));
  if (changed === -1) return [];
  const [before, after] = [old[changed] ?? null, now[changed] ?? null];
  if (changed < now.length - 1 || now.length > old.length)
    return misfit(
      `has another shape ${changed + 1} than what is stored`,
      'old shapes stay as they were; add one at the end',
      ...bothShapes(before, after),
    );
  const missing = missingIn(before, after);
  const added = missing.map((name) => `${name}: …`).join(', ');
  const upcast = missing.length === 0 ? '…' : `({ ...old, ${added} })`;
  const lacking = missing.map((name) => `stored events have no \`${name}\``);
  return misfit(
    'has a new shape and no new version',
    `keep both: versions(<stored>).next(<declared>, (old) => ${upcast})`,
    ...bothShapes(before, after),
    ...lacking,
  );
}

function commandMisfits(
  where: string,
  old: Shape,
  commands: MachineContract['commands'],
  command: string,
): readonly Misfit[] {
  const now = own(commands, command);
  const misfit = (problem: string, ...advice: Misfit['advice']): readonly Misfit[] => [
    { breaks: 'senders', subject: 'command', where, problem, stored: null, advice },
  ];
  if (now === undefined) return misfit('is gone, and may be on its way', 'keep it until nobody sends it any more');
  if (isSameShape(old, now)) return [];
  return misfit(
    'takes other data than before',
    'take the old data too, or make a new command',
    ...bothShapes(old, now),
  );
}

function tableMisfits(name: string, old: MachineContract, now: MachineContract): readonly Misfit[] {
  const isRaised = now.codeVersion > old.codeVersion;
  const raise = 'raise codeVersion, so that states are folded again';
  if (old.table === null || now.table === null) {
    if (old.table === now.table || isRaised) return [];
    return [stateMisfit('machine', name, 'is declared in the other form', raise)];
  }
  return [
    ...startMisfits(name, old.table, now.table, isRaised ? null : raise),
    ...deadlineMisfits(name, old.table, now.table),
    ...transitionMisfits(name, old.table, now.table, isRaised ? null : raise),
  ];
}

/** Streams begin with what the first state took. `raise`: what to do; null: that is done. */
function startMisfits(
  name: string,
  { initial, states }: TransitionTable,
  now: TransitionTable,
  raise: string | null,
): readonly Misfit[] {
  if (now.initial === initial) return [];
  if (raise !== null) return [stateMisfit('machine', name, `begins in ${now.initial}, and began in ${initial}`, raise)];
  const taken = own(now.states, now.initial)?.on ?? {};
  const lost = Object.keys(own(states, initial)?.on ?? {}).find((event) => !Object.hasOwn(taken, event));
  if (lost === undefined) return [];
  const problem = `begins in ${now.initial}, which does not take ${lost}, with which streams may begin`;
  return [storedMisfit(name, 'machine', problem, `begin in ${initial}, or let ${now.initial} take ${lost} too`)];
}

/** Where a deadline led stands in its event: there has to be such a state. */
const deadlineMisfits = (name: string, old: TransitionTable, now: TransitionTable): readonly Misfit[] =>
  Object.entries(old.states).flatMap(([from, { after }]) => {
    if (after === null || own(now.states, after.to) !== undefined) return [];
    const problem = `led to ${after.to} when its time was over, which may be stored, and there is no such state any more`;
    return [storedMisfit(`${name}.${from}`, 'state', problem, `keep the state ${after.to}`)];
  });

const storedMisfit = (where: string, subject: 'machine' | 'state', problem: string, advice: string): Misfit => ({
  breaks: 'stored-events',
  subject,
  where,
  problem,
  stored: null,
  advice: [advice],
});

function transitionMisfits(
  name: string,
  old: TransitionTable,
  now: TransitionTable,
  raise: string | null,
): readonly Misfit[] {
  return transitionsOf(old).flatMap(({ from, event, to }): readonly Misfit[] => {
    const where = `${name}.${from}`;
    const target = own(own(now.states, from)?.on ?? {}, event);
    if (target === undefined) {
      const problem = `does not take ${event} any more, which may be stored`;
      return [storedMisfit(where, 'state', problem, 'keep the state and its transition')];
    }
    if (target === to || raise === null) return [];
    return [stateMisfit('state', where, `leads to ${target} on ${event}, and led to ${to}`, raise)];
  });
}

const transitionsOf = ({ states }: TransitionTable): readonly { from: string; event: string; to: string }[] =>
  Object.entries(states).flatMap(([from, { on }]) => Object.entries(on).map(([event, to]) => ({ from, event, to })));

/** A shape that is not said fits all. Both are in the order of their names. */
const isSameShape = (one: Shape, other: Shape): boolean =>
  one === null || other === null || JSON.stringify(comparable(one)) === JSON.stringify(comparable(other));

/** Keywords that say nothing of what fits. */
const annotations: ReadonlySet<string> = new Set(['title', 'description', 'examples', '$comment', 'deprecated']);
/** Lists in which the order says nothing. */
const unordered: ReadonlySet<string> = new Set(['required', 'enum']);
/** Values, not shapes. */
const values: ReadonlySet<string> = new Set(['const', 'default', 'enum']);
/** Shapes by names of the user's. */
const byName: ReadonlySet<string> = new Set(['properties', 'patternProperties', '$defs', 'dependentSchemas']);

/** What of a shape says what fits it. `isNames`: its keys are names, no keywords. */
function comparable(shape: unknown, isNames = false): unknown {
  if (Array.isArray(shape)) return shape.map((one) => comparable(one));
  if (typeof shape !== 'object' || shape === null) return shape;
  const said = Object.entries(shape).filter(([key]) => isNames || !annotations.has(key));
  return said.map(([key, inner]: [string, unknown]) => {
    if (isNames) return [key, comparable(inner)];
    if (unordered.has(key) && Array.isArray(inner)) return [key, inner.map((one) => JSON.stringify(one)).toSorted()];
    return [key, values.has(key) ? inner : comparable(inner, byName.has(key))];
  });
}

const own = <T>(all: Readonly<Record<string, T>>, name: string): T | undefined =>
  Object.hasOwn(all, name) ? all[name] : undefined;
