import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

/** Starts a sleeper, guards it if told to, and says its number. */
const starter = (guarded: boolean): string => `
  import { spawn } from 'node:child_process';
  const { endWithUs } = await import(${JSON.stringify(fileURLToPath(new URL('guard.ts', import.meta.url)))});
  const child = spawn('sleep', ['60'], { stdio: 'ignore' });
  if (${guarded}) endWithUs(child);
  console.log(child.pid);
  setInterval(() => {}, 1000);`;

/** One that has ended may stand there, until somebody asks how, as `Z`. */
function isThere(pid: number): boolean {
  const { status, stdout } = spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' });
  return status === 0 && !stdout.startsWith('Z');
}

/** Whether the sleeper goes on after the process that started it was killed. */
async function outlives(guarded: boolean, withinMs: number): Promise<boolean> {
  const parent = spawn(process.execPath, ['--input-type=module', '-e', starter(guarded)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [said] = (await once(parent.stdout, 'data')) as [unknown];
  const pid = Number(String(said));
  expect(isThere(pid)).toBe(true);
  parent.kill('SIGKILL');
  await once(parent, 'exit');
  for (let ms = 0; isThere(pid) && ms < withinMs; ms += 50) await new Promise((resolve) => setTimeout(resolve, 50));
  const there = isThere(pid);
  if (there) process.kill(pid, 'SIGKILL');
  return there;
}

test('a server ends with a process that is killed; without the guard it would not', async () => {
  expect(await outlives(true, 10_000)).toBe(false);
  expect(await outlives(false, 300)).toBe(true);
});
