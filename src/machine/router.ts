/**
 * How a command gets to where its key lives, and its outcome back: checked once at the edge, then sent with one id until
 * somebody decides it or its deadline comes. So a change of leader, a full leader and a lost answer are passed over, and
 * what is sent again runs once.
 */
import { LockstepError } from '../kernel/errors.ts';
import { isPromise } from '../kernel/promise.ts';
import { durationMs } from '../kernel/time.ts';
import type { Partitions } from '../partition/partitions.ts';
import type { Rejection, Token, Transaction, TransactOptions, TransactOutcome } from '../partition/transaction.ts';
import { textHash } from '../ring/text-hash.ts';
import type { Committed, SendOptions } from './connection.ts';
import type { AnyEvent, AnyMachine, Dictionary } from './definition.ts';
import { again, deliver, type Again, type DeliveryPorts } from './delivery.ts';
import type { Origin } from './event-row.ts';
import { isCarried, notCarried } from './origin.ts';
import { recordedOf } from './event-reader.ts';
import { execute, type CommandRequest, type Executed, type Refusal } from './execute.ts';
import { foldInSteps } from './fold-steps.ts';
import { placeStateAt } from './place-state.ts';
import { checkKey, checkPart, commandSchema, type MachineRuntime } from './runtime.ts';
import { check } from './schema.ts';
import { rowAt } from './stream-rows.ts';
import type { FoundEvent } from './tags.ts';

/** A command as middleware sees it: checked, and not sent yet. */
export interface SentCommand extends Origin {
  readonly machine: string;
  readonly key: string;
  readonly command: string;
  /** As its schema made it. */
  readonly data: unknown;
}

/** What can become of a command. */
export type CommandOutcome =
  | Committed<Dictionary<unknown>>
  | Rejection
  | { readonly kind: 'conflict'; readonly expected: number; readonly actual: number }
  | { readonly kind: 'fenced'; readonly newest: number }
  | { readonly kind: 'overtaken'; readonly event: FoundEvent }
  | { readonly kind: 'expired' };

/**
 * Stands around every command that is sent from here, the first one outermost: it logs, traces, counts, or refuses by what
 * it throws. What it passes on may name another actor or trace; machine, key, command and id stay as they are.
 */
export type CommandMiddleware = (
  command: SentCommand,
  next: (command: SentCommand) => Promise<CommandOutcome>,
) => Promise<CommandOutcome>;

export interface SendRequest {
  readonly machine: AnyMachine;
  readonly key: string;
  readonly command: string;
  readonly data: unknown;
  readonly actor: string;
  readonly options: SendOptions<unknown>;
}

export interface RouterSetup extends DeliveryPorts {
  readonly partitions: Partitions;
  readonly runtime: MachineRuntime;
  readonly middleware: readonly CommandMiddleware[];
}

const deadlineMsDefault = 30_000;

interface Remembered extends Pick<Executed, 'version' | 'firstVersion'> {
  /** Which command it was, where its id was given: of ours nobody else can have the same. */
  readonly of?: number;
}

/** What whoever sends is told. */
type ToldRefusal = Exclude<Refusal, { readonly code: 'unfolded' }>;

export class Router {
  readonly #setup: RouterSetup;
  /** What code of users threw in a transaction, which did nothing, or before there was one. */
  readonly #undone = new WeakSet<object>();

  constructor(setup: RouterSetup) {
    this.#setup = setup;
  }

  /**
   * @throws LockstepError `invalid` when its schema refuses the data, it is larger than the log takes, or its actor or what
   * led to it is no text of 1 to 512 characters; `misuse` for what is no part of the app; `unknown` when its deadline came
   * and it may have happened, `unavailable` when it certainly did not; `stopped`; the signal's reason; what `decide` and
   * middleware throw.
   */
  send(request: SendRequest): Promise<CommandOutcome> {
    try {
      const { machine, key, command, data } = request;
      checkPart(this.#setup.runtime, machine);
      checkKey(key);
      const schema = commandSchema(machine, command);
      const name = `${machine.name}.${command}`;
      if (schema === undefined)
        throw new LockstepError('misuse', 'this machine has no such command', { values: { command: name } });
      const output = check(schema, data, { kind: 'command', name });
      return isPromise(output) ? output.then((checked) => this.#send(request, checked)) : this.#send(request, output);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Whether this was thrown by `decide`, `evolve` or by middleware that had not passed the command on: it certainly did nothing. */
  isUndone(error: unknown): boolean {
    return typeof error === 'object' && error !== null && this.#undone.has(error);
  }

  #send({ machine, key, command, actor, options }: SendRequest, data: unknown): Promise<CommandOutcome> {
    const { runtime, middleware } = this.#setup;
    const commandId = options.commandId ?? runtime.newId();
    const { correlationId, causationId, trace } = contextOf(commandId, options);
    const { name } = machine;
    const first: SentCommand = {
      machine: name,
      key,
      command,
      data,
      actor,
      commandId,
      correlationId,
      causationId,
      trace,
    };
    // Once for all attempts: middleware may pass a command on again.
    const fresh = { isFresh: options.commandId === undefined };
    const deliver = (one: SentCommand): Promise<CommandOutcome> => this.#deliver(machine, first, one, options, fresh);
    return middleware.length === 0 ? deliver(first) : this.#through(middleware, first, deliver);
  }

  #through(
    middleware: readonly CommandMiddleware[],
    first: SentCommand,
    deliver: (passed: SentCommand) => Promise<CommandOutcome>,
  ): Promise<CommandOutcome> {
    let isPassedOn = false;
    const last: typeof deliver = (passed) => {
      isPassedOn = true;
      return deliver(passed);
    };
    const onFailed = (error: unknown): void => {
      if (!isPassedOn) this.#didNothing(error);
    };
    try {
      const sent = middleware.reduceRight<typeof deliver>((next, one) => (passed) => one(passed, next), last)(first);
      sent.then(undefined, onFailed); // beside the sender, who is told the same
      return sent;
    } catch (error) {
      onFailed(error);
      throw error;
    }
  }

  /** Where it goes and by which id is as it was sent `first`; the rest as middleware passed it on. */
  #deliver(
    machine: AnyMachine,
    { key, command, commandId, correlationId, causationId }: SentCommand,
    { actor, trace, data }: SentCommand,
    options: SendOptions<unknown>,
    fresh: { isFresh: boolean },
  ): Promise<CommandOutcome> {
    if (!isCarried(actor)) return Promise.reject(notCarried('actor', actor));
    if (trace !== null && !isCarried(trace)) return Promise.reject(notCarried('trace', trace));
    const { deadline, signal, expectedVersion, fence, requireNone } = options;
    const request: CommandRequest = {
      machine,
      key,
      command,
      data,
      actor,
      commandId,
      correlationId,
      causationId,
      trace,
      expectedVersion,
      fence,
      requireNone,
    };
    const withinMs = deadline === undefined ? deadlineMsDefault : durationMs(deadline);
    const values = { command: `${machine.name}.${command}`, key, commandId };
    const about = { what: 'command', key, values, withinMs, signal };
    return deliver<CommandOutcome>(this.#setup, about, (leftMs) => {
      // The partition has a deadline of its own: a timer for each command is only where one is asked for.
      const withinOwnMs = deadline === undefined ? undefined : leftMs;
      const how = { commandId, isFreshCommand: fresh.isFresh, withinMs: withinOwnMs };
      fresh.isFresh = false;
      return this.#attempt(request, options, how);
    });
  }

  async #attempt(
    request: CommandRequest,
    options: SendOptions<unknown>,
    how: TransactOptions,
  ): Promise<CommandOutcome | Again> {
    const { partitions, runtime } = this.#setup;
    const { key } = request;
    let decided: readonly AnyEvent[] = [];
    const outcome = await partitions.transact<Remembered | Refusal>(
      key,
      (tx) => {
        const executed = this.#execute(tx, request);
        if ('code' in executed) return executed;
        const { version, firstVersion, events } = executed;
        decided = events;
        return options.commandId === undefined
          ? { version, firstVersion }
          : { version, firstVersion, of: commandHash(request) };
      },
      how,
    );
    if (outcome.kind === 'rejected' && outcome.code === 'unfolded') {
      await foldInSteps(partitions, runtime, request.machine, key);
      return { kind: 'again', inDoubt: false, why: 'its state to be folded again by newer code' };
    }
    if (outcome.kind === 'expired' && how.isFreshCommand === true)
      throw new LockstepError('unavailable', 'the clock here is so far behind that the id of this command is too old', {
        values: nameOf(request),
      });
    return this.#outcomeOf(outcome, decided, request, options);
  }

  /** An error thrown here reaches the sender only once nothing of an earlier attempt can have been done: that has its id. */
  #execute(tx: Transaction, request: CommandRequest): Executed | Refusal {
    try {
      return execute(tx, this.#setup.runtime, request);
    } catch (error) {
      this.#didNothing(error);
      throw error;
    }
  }

  /** What is thrown as no object is told as unknown. */
  #didNothing(error: unknown): void {
    if (typeof error === 'object' && error !== null) this.#undone.add(error);
  }

  #outcomeOf(
    outcome: TransactOutcome<Remembered | ToldRefusal>,
    events: readonly AnyEvent[],
    request: CommandRequest,
    options: SendOptions<unknown>,
  ): CommandOutcome | Again | Promise<CommandOutcome | Again> {
    switch (outcome.kind) {
      case 'committed': {
        const { token, value } = outcome;
        return { kind: 'committed', version: value.version, token, events, repeated: false };
      }
      case 'already-done':
        return this.#repeated(request, outcome.value, outcome.token);
      case 'rejected':
        return refusedWith(outcome, request, options);
      case 'expired':
        if (options.commandId !== undefined) return outcome;
        throw new LockstepError('unknown', 'the id of this command was forgotten before its outcome was known', {
          values: nameOf(request),
        });
      case 'not-leader':
      case 'refused':
        return again(outcome, nameOf(request));
    }
  }

  /** The first answer, from its rows. */
  async #repeated(request: CommandRequest, value: Remembered, token: Token): Promise<CommandOutcome | Again> {
    const { machine, key, commandId } = request;
    const { version, firstVersion, of } = value;
    if (of !== undefined && of !== commandHash(request)) throw usedBefore(commandId);
    const about = { kind: 'committed', version, token, repeated: true } as const;
    if (version < firstVersion) return { ...about, events: [] };
    const outcome = await this.#setup.partitions.read(key, { atLeast: token });
    if (outcome.kind !== 'snapshot') return { kind: 'again', inDoubt: true, why: 'the first answer to be read' };
    using snapshot = outcome;
    const row = rowAt(placeStateAt(snapshot, key), { machine: machine.name, key, firstVersion });
    if (row?.commandId !== commandId) throw usedBefore(commandId);
    return { ...about, events: recordedOf(machine, row, token).map(({ type, data }) => ({ type, data })) };
  }
}

/** What a command is, but for its data: who sends it again may have made that anew. 53 bits. */
const commandHash = ({ machine, key, command }: CommandRequest): number => {
  const text = `${machine.name}.${command}/${key}`;
  return (textHash(text, 1) >>> 0) * 2 ** 21 + (textHash(text, 2) >>> 11);
};

const usedBefore = (commandId: string): LockstepError =>
  new LockstepError('misuse', 'this command id was used for another command', {
    values: { commandId },
    advice: ['make an id for each command: with one name for several kinds of them, put the kind and the key into it'],
  });

function refusedWith(
  refusal: ToldRefusal,
  request: CommandRequest,
  { fence, requireNone }: SendOptions<unknown>,
): CommandOutcome {
  if (refusal.code === 'decided') return refusal.details;
  if (refusal.code === 'conflict') return { kind: 'conflict', ...refusal.details };
  if (refusal.code === 'overtaken') {
    if (requireNone !== undefined) return { kind: 'overtaken', ...refusal.details };
    throw new LockstepError('rejected', 'an event has come that this command requires not to be there', {
      values: { ...nameOf(request), ...refusal.details.event },
    });
  }
  if (fence !== undefined) return { kind: 'fenced', ...refusal.details };
  throw new LockstepError('rejected', 'a lock that this command requires has a newer holder', {
    values: nameOf(request),
  });
}

/** Where it comes from: from outside, if nothing is said. */
function contextOf(
  commandId: string,
  { causedBy, correlationId = causedBy?.correlationId ?? commandId, trace }: SendOptions<unknown>,
): Pick<Origin, 'correlationId' | 'causationId' | 'trace'> {
  const texts = { correlationId, causationId: causedBy?.id ?? null, trace: trace ?? causedBy?.trace ?? null };
  if (correlationId === commandId && texts.causationId === null && texts.trace === null) return texts;
  for (const [name, text] of Object.entries(texts)) if (text !== null && !isCarried(text)) throw notCarried(name, text);
  return texts;
}

const nameOf = ({ machine, command, key }: CommandRequest): { readonly command: string; readonly key: string } => ({
  command: `${machine.name}.${command}`,
  key,
});
