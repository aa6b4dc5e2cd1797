/** Holds a shop in which nothing is on its way any more against all that it acknowledged, and against its own sums. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { LockstepNode } from 'lockstep';
import { settledBalance, tradeMachines, type Balance } from '../../../examples/shop/balance.ts';
import type { Acknowledged } from '../../../examples/shop/ledger.ts';

export interface Verdict extends Pick<Balance, 'orders' | 'money' | 'goods'> {
  readonly problems: readonly string[];
  /** Acknowledged commands whose event is not where it was told to be. */
  readonly lost: number;
  /** States that are what their events make. */
  readonly replayed: number;
}

const settling = { pause: () => sleep(250), attempts: 40 };

export async function judge(node: LockstepNode, ledger: readonly Acknowledged[]): Promise<Verdict> {
  const { problems, orders, money, goods } = await settledBalance(node, ledger, settling);
  const lost = await lostIn(node, ledger);
  const { compared, differing } = await node.verifyReplay();
  const stopped = (await node.projections()).filter(({ kind }) => kind === 'stopped');
  return {
    problems: [
      ...problems,
      ...lost,
      ...differing.map(({ machine, key, problem }) => `${machine} ${key} is not what its events make: ${problem}`),
      ...stopped.map(({ name }) => `the projection ${name} has stopped`),
      ...(await node.deadLetters()).map(({ why }) => `a message lies among the dead: ${why}`),
    ],
    orders,
    money,
    goods,
    lost: lost.length,
    replayed: compared,
  };
}

/** At the version that was told stands the event of the very command. */
async function lostIn(node: LockstepNode, ledger: readonly Acknowledged[]): Promise<readonly string[]> {
  const lost: string[] = [];
  for (const { machine, key, command, commandId, version } of ledger) {
    const definition = tradeMachines.find(({ name }) => name === machine);
    const events =
      definition === undefined
        ? []
        : (await node.readStream(definition, key, { fromVersion: version, limit: 1 })).events;
    if (events[0]?.commandId !== commandId) lost.push(`${command} of ${key} was acknowledged and is not in its stream`);
  }
  return lost;
}
