/** Runs a writer of this folder and kills it: it tells numbers on its standard output, one a line, each acknowledged. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** Kills it a while after the first number that it told; the last one. @throws when it ends by itself. */
export async function writeUntilKilled(writer: URL, args: readonly string[], killAfterMs: number): Promise<number> {
  const child = spawn(process.execPath, [fileURLToPath(writer), ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let [told, failure] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => {
    if (told === '') setTimeout(() => child.kill('SIGKILL'), killAfterMs);
    told += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => (failure += chunk.toString()));
  const [exitCode, signal] = (await once(child, 'close')) as [number | null, string | null];
  if (signal !== 'SIGKILL') throw new Error(`the writer ended by itself: ${exitCode}\n${failure}`);
  return Number(told.slice(0, told.lastIndexOf('\n')).split('\n').at(-1));
}
