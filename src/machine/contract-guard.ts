/**
 * Code that does not fit what is stored does not lead. What is in force stands in the state of each partition, written by
 * whoever leads; who begins to lead compares it with its own declarations, and stops at once where they do not fit. So a
 * node of older code, too, declines once newer code has led.
 */
import { asError, isLockstepError } from '../kernel/errors.ts';
import type { EpochService, EpochServiceMaker, Leading, Transaction } from '../partition/transaction.ts';
import type { App } from './app.ts';
import { contractOf, type Contract } from './contract.ts';
import { assertFits } from './misfits.ts';
import { countStored } from './stored-counts.ts';

const contractSystem = 'machine-contract';

/** For `openPartitions`: its first service. */
export function contractGuard(app: App<unknown>): EpochServiceMaker {
  const declared = contractOf(app);
  const printed = JSON.stringify(declared);
  return () => new ContractEpoch(declared, printed);
}

class ContractEpoch implements EpochService {
  readonly #declared: Contract;
  readonly #printed: string;
  #writing: Promise<void> = Promise.resolve();

  constructor(declared: Contract, printed: string) {
    this.#declared = declared;
    this.#printed = printed;
  }

  start(leading: Leading): void {
    const stored = leading.reader.system(contractSystem, null).get([]);
    try {
      const counts = countStored(leading.reader, leading.ports);
      if (typeof stored === 'string') assertFits(contractIn(stored), this.#declared, counts);
    } catch (error) {
      leading.fail(asError(error));
      return;
    }
    if (stored !== this.#printed) this.#writing = this.#write(leading);
  }

  async stop(): Promise<void> {
    await this.#writing;
  }

  /** If this does not happen the epoch is over, or will be soon: the next one begins with it again. */
  async #write(leading: Leading): Promise<void> {
    const put = (tx: Transaction): void => tx.system(contractSystem, 'local').set([], this.#printed);
    try {
      await leading.transact(null, put);
    } catch (error) {
      if (!isLockstepError(error)) leading.fail(asError(error));
    }
  }
}

/** As `JSON.stringify` wrote it: shapes may hold what no stored value does. */
const contractIn = (stored: string): Contract => JSON.parse(stored) as Contract;
