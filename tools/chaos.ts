/**
 * `npm run chaos -- postgres|nats` hurts logs, `npm run chaos -- partition --over file|postgres|nats` partitions: real
 * servers and real processes under faults drawn from a seed, and a judge at the end; see docs/chaos.md. `partition
 * --over file --restarts N` kills one process again and again, under load, instead; `machine` does so to a whole app, `shop` to `npm start`.
 * Exits with 0 when nothing of ours broke a promise.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { conclusionOf, printResult } from '../test/chaos/engines/report.ts';
import { runChaos } from '../test/chaos/engines/run.ts';
import { engineNames, startServers } from '../test/chaos/engines/servers.ts';
import type { EngineName } from '../test/chaos/engines/sources.ts';
import { printMachineResult } from '../test/chaos/machine/report.ts';
import { hasPassed as machinesPassed, runMachineChaos } from '../test/chaos/machine/run.ts';
import { hasPassed, printPartitionResult } from '../test/chaos/partition/report.ts';
import { type Over, runPartitionChaos } from '../test/chaos/partition/run.ts';
import { printShopResult } from '../test/chaos/shop/report.ts';
import { hasPassed as shopPassed, runShopChaos } from '../test/chaos/shop/run.ts';
import { buildPage } from './dashboard.ts';

const overNames: readonly Over[] = ['file', ...engineNames];
const usage = [
  `npm run chaos -- ${engineNames.join('|')} [--minutes 10] [--seed S] [--json FILE]`,
  `npm run chaos -- partition --over ${overNames.join('|')} [--minutes 10 | --restarts N] [--seed S] [--json FILE]`,
  'npm run chaos -- machine [--restarts 100] [--seed S] [--json FILE]',
  'npm run chaos -- shop [--restarts 50] [--seed S] [--json FILE]',
].join('\n');

interface Asked {
  readonly minutes: number;
  readonly seed: string;
  /** Null: other faults. */
  readonly restarts: number | null;
}

interface Ran {
  readonly passed: boolean;
  /** For whoever reads it by program. */
  readonly report: object;
}

async function engineChaos(engine: EngineName, { minutes, seed }: Asked): Promise<Ran> {
  console.log(`chaos over ${engine}, ${minutes} minutes, seed ${seed}\n`);
  const options = { seed, faultsMs: minutes * 60_000, onLine: (line: string) => console.log(line) };
  const result = await runChaos(() => startServers(engine), options);
  console.log(`\n${printResult(result)}`);
  const { says, passed } = conclusionOf(result);
  const { faults, verdict, control, complaints } = result;
  const report = {
    engine,
    seed,
    minutes,
    passed,
    says,
    records: result.log.length,
    verdict,
    control,
    complaints,
    faults,
  };
  return { passed, report };
}

async function partitionChaos(over: Over, { minutes, seed, restarts }: Asked): Promise<Ran> {
  const howLong = restarts === null ? `${minutes} minutes` : `${restarts} restarts`;
  console.log(`chaos of partitions over ${over}, ${howLong}, seed ${seed}\n`);
  const onLine = (line: string): void => console.log(line);
  const alone = restarts === null ? {} : { restarts, nodeCount: 1 };
  const result = await runPartitionChaos({ over, seed, faultsMs: minutes * 60_000, onLine, ...alone });
  console.log(`\n${printPartitionResult(result)}`);
  const passed = hasPassed(result);
  const { verdict, counts, ...others } = result;
  const { problems, histories, numbers } = verdict;
  const report = {
    over,
    seed,
    minutes,
    passed,
    problems,
    histories,
    numbers,
    counts: Object.fromEntries(counts),
    ...others,
  };
  return { passed, report };
}

async function machineChaos({ seed, restarts }: Pick<Asked, 'seed' | 'restarts'>): Promise<Ran> {
  const count = restarts ?? 100;
  console.log(`chaos of machines, ${count} restarts, seed ${seed}\n`);
  const result = await runMachineChaos({ seed, restarts: count, onLine: (line) => console.log(line) });
  console.log(`\n${printMachineResult(result)}`);
  const { verdict, readyMs, complaints } = result;
  const passed = machinesPassed(result);
  return { passed, report: { seed, restarts: count, passed, ...verdict, readyMs, complaints } };
}

async function shopChaos({ seed, restarts }: Pick<Asked, 'seed' | 'restarts'>): Promise<Ran> {
  const count = restarts ?? 50;
  console.log(`chaos of the shop, ${count} restarts, seed ${seed}\n`);
  const hasPage = await buildPage();
  const result = await runShopChaos({ seed, restarts: count, hasPage, onLine: (line) => console.log(line) });
  console.log(`\n${printShopResult(result)}`);
  const { verdict, ...others } = result;
  const passed = shopPassed(result);
  return { passed, report: { seed, restarts: count, passed, ...verdict, ...others } };
}

async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      over: { type: 'string' },
      minutes: { type: 'string' },
      restarts: { type: 'string' },
      seed: { type: 'string' },
      json: { type: 'string' },
    },
  });
  const asked = {
    minutes: Number(values.minutes ?? 10),
    seed: values.seed ?? String(Date.now()),
    restarts: values.restarts === undefined ? null : Number(values.restarts),
  };
  const engine = engineNames.find((name) => name === positionals[0]);
  const over = positionals[0] === 'partition' ? overNames.find((name) => name === values.over) : undefined;
  if (positionals.length !== 1 || !(asked.minutes > 0) || asked.restarts === 0 || Number.isNaN(asked.restarts)) {
    console.error(usage);
    return 2;
  }
  let ran: Ran;
  if (engine !== undefined) ran = await engineChaos(engine, asked);
  else if (positionals[0] === 'machine') ran = await machineChaos(asked);
  else if (positionals[0] === 'shop') ran = await shopChaos(asked);
  else if (over !== undefined) ran = await partitionChaos(over, asked);
  else {
    console.error(usage);
    return 2;
  }
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(ran.report, null, 2)}\n`);
  return ran.passed ? 0 : 1;
}

// At the end of ten minutes of cut connections Node has been seen to wait for ever for a socket to close.
process.exit(await main(process.argv.slice(2)));
