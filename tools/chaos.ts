/**
 * `npm run chaos -- postgres|nats [--minutes 10] [--seed S] [--json FILE]`: real servers and real processes under faults
 * drawn from a seed, and a judge at the end; see docs/chaos.md. Exits with 0 when nothing of ours broke a promise.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { conclusionOf, printResult } from '../test/chaos/engines/report.ts';
import { runChaos } from '../test/chaos/engines/run.ts';
import { engineNames, startServers } from '../test/chaos/engines/servers.ts';

const usage = `npm run chaos -- ${engineNames.join('|')} [--minutes 10] [--seed S] [--json FILE]`;

async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { minutes: { type: 'string' }, seed: { type: 'string' }, json: { type: 'string' } },
  });
  const engine = engineNames.find((name) => name === positionals[0]);
  const minutes = Number(values.minutes ?? 10);
  if (engine === undefined || positionals.length > 1 || !(minutes > 0)) {
    console.error(usage);
    return 2;
  }
  const seed = values.seed ?? String(Date.now());
  console.log(`chaos over ${engine}, ${minutes} minutes, seed ${seed}\n`);
  const options = { seed, faultsMs: minutes * 60_000, onLine: (line: string) => console.log(line) };
  const result = await runChaos(() => startServers(engine), options);
  console.log(`\n${printResult(result)}`);
  const { says, passed } = conclusionOf(result);
  if (values.json !== undefined) {
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
    writeFileSync(values.json, `${JSON.stringify(report, null, 2)}\n`);
  }
  return passed ? 0 : 1;
}

// At the end of ten minutes of cut connections Node has been seen to wait for ever for a socket to close.
process.exit(await main(process.argv.slice(2)));
