/** `node test/chaos/log-soak.ts [ROUNDS]`: kills the writer of a log, who has its directory, in a loop, 200 times by default, and judges each time. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SeededRandom } from '../../src/kernel/random.ts';
import { judge, WriterProcess } from './log-rounds.ts';

const rounds = Number(process.argv[2] ?? 200);
const random = new SeededRandom(process.argv[3] ?? 'soak');
const data = mkdtempSync(join(tmpdir(), 'lockstep-soak-'));
const lines: string[] = [];
let problem: string | null = null;
const startedAt = performance.now();
for (let round = 0; round < rounds && problem === null; round++) {
  const writer = new WriterProcess(data, `w${round}`, 'owned');
  await writer.told(1 + random.below(100));
  await writer.kill();
  lines.push(...writer.lines);
  const refused = writer.lines.find((line) => line.startsWith('refused'));
  problem = refused ?? (writer.failure === '' ? await judge(data, lines) : writer.failure);
}
const roundMs = Math.round((performance.now() - startedAt) / rounds);
console.log(problem ?? `${rounds} rounds of ${roundMs} ms, ${lines.length} records acknowledged, each in its place`);
if (problem === null) rmSync(data, { recursive: true });
else console.log(`left as it is: ${data}`);
process.exitCode = problem === null ? 0 : 1;
