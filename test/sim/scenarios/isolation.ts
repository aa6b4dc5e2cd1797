/**
 * Transactions of several clients on one tree, through crashes and failing disks, judged by the checkers: serializable
 * ones show no cycle at all, in real time too; under snapshot isolation there is write skew, and nothing worse. Money that
 * is moved about is neither made nor lost, at any snapshot of any age.
 */
import { checkTransactions, explainTransactions, type TransactionsVerdict } from 'lockstep/check';
import type { World } from 'lockstep/sim';
import type { Scenario } from '../scenario.ts';
import { diskStorm } from '../services/disk-storm.ts';
import { isolationBugs, type IsolationBug } from '../services/isolation-bugs.ts';
import { readAll, runClients, type IsolationPlan } from '../services/isolation-clients.ts';
import { IsolationKnown } from '../services/isolation-known.ts';
import { smallOptions } from '../services/tree-plan.ts';

const node = 'node';

export const isolationScenario: Scenario = {
  name: 'isolation',
  about: 'clients run transactions on a tree, serializable or on snapshots, through crashes and failing disks',
  bugs: Object.keys(isolationBugs),
  async run(world, bug) {
    await play(world, bug === null ? {} : (isolationBugs[bug] ?? {}));
  },
};

/** What a run came to. */
export interface Played {
  readonly plan: IsolationPlan;
  readonly known: IsolationKnown;
  readonly verdict: TransactionsVerdict;
}

export async function play(world: World, bug: IsolationBug): Promise<Played> {
  const { random } = world;
  const mode = bug.mode ?? random.pick(['serializable', 'snapshot'] as const);
  const options = {
    ...smallOptions(world),
    memtableBytes: random.pick([200, 600, 3_000]), // what transactions are checked against is in memory
    keepVersionsMs: random.pick([0, 100, 1_000]),
  };
  const plan: IsolationPlan = { options, mode, bug };
  const known = new IsolationKnown();
  const running = world.run(node, (env) => runClients(world, env, known, plan));
  await diskStorm(world, node, { betweenMsMax: 300, fullMsMax: 150 });
  const before = known.committed;
  await world.until('transactions go on', () => known.committed > before + 10);
  known.enough = true;
  await running;
  world.crash(node, { kind: 'power', restart: '10ms' });
  await world.run('judge', (env) => readAll(world, env, known, plan), { on: node });
  return { plan, known, verdict: judge(world, known, plan) };
}

function judge(world: World, known: IsolationKnown, { mode }: IsolationPlan): TransactionsVerdict {
  const history = known.history();
  const level = mode === 'serializable' ? 'strict-serializable' : 'snapshot-isolation';
  const verdict = checkTransactions(history, { level, order: 'real-time' });
  if (verdict.kind !== 'ok') world.fail(explainTransactions(history, verdict));
  return verdict;
}
