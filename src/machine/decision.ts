/**
 * One run of `decide`: the context it is given, and what it asks for, gathered in order. The context is over when `decide`
 * returns: what is asked for later would come too late, and is refused.
 */
import { ValueDecoder } from '../bytes/value-decode.ts';
import { ValueEncoder } from '../bytes/value-encode.ts';
import { isLockstepError, LockstepError } from '../kernel/errors.ts';
import { durationMs } from '../kernel/time.ts';
import { placeOf } from '../ring/slot.ts';
import type { AnyEvent, AnyMachine, Context, Dictionary, Effect, MachineCode, NoneSince } from './definition.ts';
import { checkKey, checkPart, type MachineRuntime } from './runtime.ts';
import { checkNow } from './schema.ts';
import { checkTypes } from './tags.ts';

/** What the engine is told about a command besides the state. */
export interface StepContext {
  /** The time of the transaction; events carry it. */
  readonly now: Date;
  readonly key: string;
  /** How many events the instance has. */
  readonly version: number;
  /** Who asks, as `authorize` named them. */
  readonly actor: string;
  readonly commandId: string;
  /** A new unique id; from the env, so that the simulator decides it. */
  newId(): string;
  /** Those of the app, which alone are sent to. Undefined: there is no app, as in a test of a decision. */
  readonly machines?: MachineRuntime['machines'] | undefined;
}

/** Bounds on one decision. */
export const decisionLimits: Readonly<{ eventsMax: number; effectsMax: number }> = Object.freeze({
  eventsMax: 1_000,
  effectsMax: 1_000,
});

export class DecisionRun {
  readonly context: Context<Dictionary<unknown>>;
  readonly effects: Effect[] = [];
  readonly #machine: string;
  readonly #events: MachineCode['events'];
  readonly #machines: StepContext['machines'];
  #isOver = false;

  constructor(machine: string, { events }: Pick<MachineCode, 'events'>, about: StepContext) {
    this.#machine = machine;
    this.#events = events;
    this.#machines = about.machines;
    this.context = new DecisionContext(this, about);
  }

  end(): void {
    this.#isOver = true;
  }

  event(type: string, data: unknown): AnyEvent {
    if (!Object.hasOwn(this.#events, type))
      throw new LockstepError('misuse', 'this machine has no such event', {
        values: { event: `${this.#machine}.${type}` },
      });
    return this.alive('event', { type, data });
  }

  send(delayMs: number, to: AnyMachine, key: string, command: string, data: unknown): undefined {
    if (this.#machines !== undefined) checkPart({ machines: this.#machines }, to);
    const { commands } = to['~machine'];
    const schema = Object.hasOwn(commands, command) ? commands[command] : undefined;
    const name = `${to.name}.${command}`;
    if (schema === undefined)
      throw new LockstepError('misuse', 'that machine has no such command', { values: { command: name } });
    checkKey(key);
    checkNow(schema, data, { kind: 'command', name }); // sent as it is: the receiver's edge makes of it what `decide` sees
    return this.add({ kind: 'send', machine: to.name, key, command, data: asStored(data, name), delayMs });
  }

  requireNone(none: NoneSince): undefined {
    if (this.#machines !== undefined) checkTypes(this.#machines, none.queries);
    return this.add({ kind: 'require-none', none });
  }

  add(effect: Effect): undefined {
    this.alive(effect.kind, effect);
    if (this.effects.length === decisionLimits.effectsMax)
      throw new LockstepError('misuse', 'a decision asks for too much at once', {
        values: { machine: this.#machine, effectsMax: decisionLimits.effectsMax },
        advice: ['let a saga or a worker do it in steps'],
      });
    this.effects.push(effect);
  }

  alive<T>(what: string, value: T): T {
    if (!this.#isOver) return value;
    throw new LockstepError('misuse', 'a decision is over when `decide` returns: nothing is added to it later', {
      values: { machine: this.#machine, what },
      advice: ['`decide` is synchronous: fetch what it needs before, in the handler that sends'],
    });
  }
}

/** A copy, as it is now: `decide` may change it afterwards, and send it again. @throws LockstepError `invalid`, with the path. */
function asStored(data: unknown, command: string): unknown {
  if (typeof data !== 'object' || data === null) return data;
  try {
    return new ValueDecoder().decode(new ValueEncoder().encode(data));
  } catch (error) {
    if (!isLockstepError(error, 'invalid')) throw error;
    throw new LockstepError('invalid', `what is sent cannot be stored: ${error.summary}`, {
      values: { command, ...error.values },
      cause: error,
    });
  }
}

type Given = Context<Dictionary<unknown>>;

/**
 * What a decision is given. Its functions are made as they are asked for, each a closure, as `decide` takes them apart:
 * `(order, command, { event, send }) => …`; most decisions ask for one or two.
 */
class DecisionContext implements Given {
  readonly #run: DecisionRun;
  readonly #about: StepContext;

  constructor(run: DecisionRun, about: StepContext) {
    this.#run = run;
    this.#about = about;
  }

  get now(): Date {
    return this.#about.now;
  }

  get key(): string {
    return this.#about.key;
  }

  get place(): string {
    return placeOf(this.#about.key);
  }

  get version(): number {
    return this.#about.version;
  }

  get actor(): string {
    return this.#about.actor;
  }

  get commandId(): string {
    return this.#about.commandId;
  }

  get newId(): Given['newId'] {
    return () => this.#run.alive('newId', this.#about.newId());
  }

  get event(): Given['event'] {
    return (type, ...[data]) => this.#run.event(type, data);
  }

  get send(): Given['send'] {
    return (to, key, command, ...[data]) => this.#run.send(0, to, key, command, data);
  }

  get sendAfter(): Given['sendAfter'] {
    return (delay, to, key, command, ...[data]) => this.#run.send(durationMs(delay), to, key, command, data);
  }

  get push(): Given['push'] {
    return (queue, job, options = {}) => this.#run.add({ kind: 'push', queue: queue.name, job, options });
  }

  get start(): Given['start'] {
    return (saga, key, input) => this.#run.add({ kind: 'start', saga: saga.name, key, input });
  }

  get publish(): Given['publish'] {
    return (topic, message) => this.#run.add({ kind: 'publish', topic: topic.name, message });
  }

  get requireNone(): Given['requireNone'] {
    return (none) => this.#run.requireNone(none);
  }

  get require(): Given['require'] {
    return (fence) => this.#run.add({ kind: 'require', fence });
  }
}
