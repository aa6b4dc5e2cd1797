/** `node test/chaos/log-soak.ts [ROUNDS]`: kills the writer of a log in a loop, 200 times by default, and judges each time. */
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
for (let round = 0; round < rounds && problem === null; round++) {
  const writer = new WriterProcess(data, `w${round}`);
  await writer.told(1 + random.below(100));
  await writer.kill();
  lines.push(...writer.lines);
  problem = writer.failure === '' ? await judge(data, lines) : writer.failure;
}
console.log(problem ?? `${rounds} rounds, ${lines.length} records acknowledged, each in its place`);
if (problem === null) rmSync(data, { recursive: true });
else console.log(`left as it is: ${data}`);
process.exitCode = problem === null ? 0 : 1;
