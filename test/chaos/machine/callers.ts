/**
 * Who asks the bank during a chaos of machines, over HTTP as any other service: callers, each with one command at a time,
 * and a reader that breaks off now and then and goes on by the token that it kept.
 */
import { isLockstepError, type CommandId, type Token } from 'lockstep';
import type { RemoteConnection } from 'lockstep/client';
import { type SeededRandom, uuidv7 } from '../../../src/kernel/random.ts';
import { account, accountKeys, balanceOf, lamp, lampKeys, rowsQuery } from './bank.ts';
import type { Ledger, Told } from './ledger.ts';

/** With all attempts; then nobody knows. */
const deadline = '10s';
const amountMax = 100;

export class Caller {
  readonly #bank: RemoteConnection;
  readonly #random: SeededRandom;
  readonly #ledger: Ledger;

  constructor(bank: RemoteConnection, random: SeededRandom, ledger: Ledger) {
    this.#bank = bank;
    this.#random = random;
    this.#ledger = ledger;
  }

  async callOnce(): Promise<void> {
    const random = this.#random;
    const commandId = uuidv7(Date.now(), random) as CommandId;
    const options = { commandId, deadline } as const;
    const [from, to] = [random.pick(accountKeys), random.pick(accountKeys)];
    const amount = 1 + random.below(amountMax);
    const drawn = random.float();
    if (drawn < 0.6)
      await this.#tell(from, options, () => this.#bank.send(account, from, 'Send', { amount, to }, options));
    else if (drawn < 0.9)
      await this.#tell(to, options, () => this.#bank.send(account, to, 'Deposit', { amount }, options));
    else {
      const key = random.pick(lampKeys);
      await this.#tell(key, options, () => this.#bank.send(lamp, key, 'TurnOn', undefined, options));
    }
  }

  async #tell(
    key: string,
    { commandId }: { readonly commandId: CommandId },
    send: () => Promise<Outcome>,
  ): Promise<void> {
    const outcome = await toldBy(send);
    if (!('version' in outcome)) return this.#ledger.told(commandId, outcome);
    const { version, token, repeated } = outcome;
    this.#ledger.told(commandId, { kind: 'acknowledged', key, version });
    if (repeated) this.#ledger.count('repeated');
    if (key.startsWith('account') && this.#random.chance(0.1)) await this.#readRows(key, version, token);
  }

  /** Both projections have what the token names, and no account has less than nothing. */
  async #readRows(key: string, version: number, after: Token): Promise<void> {
    try {
      const { value } = await this.#bank.query(rowsQuery, key, { after, deadline });
      this.#ledger.count('row read');
      for (const [name, sums] of Object.entries(value))
        if (balanceOf(sums) < 0 || sums.events < version)
          this.#ledger.problems.push(`the row ${name} of ${key} is ${JSON.stringify(sums)} after version ${version}`);
    } catch (error) {
      if (!isLockstepError(error, 'unavailable') && !isLockstepError(error, 'unknown')) throw error;
    }
  }
}

type Outcome =
  | { readonly kind: 'committed'; readonly version: number; readonly token: Token; readonly repeated: boolean }
  | { readonly kind: 'rejected' | 'expired' };

async function toldBy(
  send: () => Promise<Outcome>,
): Promise<Extract<Outcome, { readonly kind: 'committed' }> | Exclude<Told, { readonly kind: 'acknowledged' }>> {
  try {
    const outcome = await send();
    if (outcome.kind === 'committed') return outcome;
    return { kind: outcome.kind === 'rejected' ? 'rejected' : 'unknown' };
  } catch (error) {
    if (isLockstepError(error, 'unavailable')) return { kind: 'denied' };
    if (isLockstepError(error, 'unknown')) return { kind: 'unknown' };
    throw error;
  }
}

/** Breaks off whenever `breaks` gives another signal that aborts, until the last of them does. */
export async function readOn(bank: RemoteConnection, ledger: Ledger, breaks: () => AbortSignal | null): Promise<void> {
  let after: Token | 'start' = 'start';
  for (let signal = breaks(); signal !== null; signal = breaks()) {
    try {
      for await (const event of bank.events(account, { after, signal })) {
        ledger.seen.push(event);
        after = event.token; // of a command with one event, as all of these are
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }
}
