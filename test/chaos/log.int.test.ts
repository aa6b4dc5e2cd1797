/** One log, real processes: killed, stopped past a takeover, racing for it. Whoever was told something finds it so. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { SeededRandom } from '../../src/kernel/random.ts';
import { judge, WriterProcess } from './log-rounds.ts';

let data: string;
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'lockstep-log-'));
});
afterEach(() => {
  rmSync(data, { recursive: true });
});

test('what was acknowledged is there, however often its writer is killed', { timeout: 60_000 }, async () => {
  const random = new SeededRandom(5);
  const lines: string[] = [];
  for (let kill = 0; kill < 5; kill++) {
    const writer = new WriterProcess(data, `w${kill}`);
    await writer.told(1 + random.below(60));
    await writer.kill();
    expect(writer.failure).toBe('');
    expect(writer.lines.length).toBeGreaterThan(0);
    lines.push(...writer.lines);
    expect(await judge(data, lines)).toBeNull();
  }
});

test('a writer that is stopped past a takeover acknowledges nothing when it goes on', { timeout: 60_000 }, async () => {
  const stopped = new WriterProcess(data, 'stopped');
  await stopped.told(20);
  stopped.signal('SIGSTOP');
  const next = new WriterProcess(data, 'next');
  await next.told(20);
  const told = stopped.lines.length;
  stopped.signal('SIGCONT');
  await stopped.ended();
  // What was under way, which the other one may have found and kept, and then a denial.
  expect(stopped.lines.length - told).toBeLessThanOrEqual(2);
  await next.kill();
  expect(next.lines.length).toBeGreaterThanOrEqual(20);
  expect(await judge(data, [...stopped.lines, ...next.lines])).toBeNull();
});

test('of several that race for a log nobody is told what is not so', { timeout: 60_000 }, async () => {
  const racing = Array.from({ length: 3 }, (_, index) => new WriterProcess(data, `r${index}`));
  await Promise.all(racing.map((writer) => writer.told(40)));
  for (const writer of racing) await writer.kill();
  const lines = racing.flatMap((writer) => writer.lines);
  expect(lines.length).toBeGreaterThan(0);
  expect(await judge(data, lines)).toBeNull();
});

test(
  'of several that start on one directory one has it, and the others are told by whom',
  { timeout: 60_000 },
  async () => {
    for (const round of [1, 2]) {
      const racing = Array.from({ length: 4 }, (_, index) => new WriterProcess(data, `r${round}-${index}`, 'owned'));
      await Promise.all(racing.map((writer) => writer.told(1)));
      const refused = racing.filter(({ lines }) => lines[0]?.startsWith('refused') === true);
      const having = racing.filter((writer) => !refused.includes(writer));
      for (const writer of racing) await writer.kill(); // with kill -9: the next round starts on a dead holder
      expect(racing.map(({ failure }) => failure)).toEqual(['', '', '', '']);
      expect(having.length).toBe(1);
      expect(refused.map(({ lines }) => lines)).toEqual(refused.map(() => [`refused ${having[0]?.pid}`]));
    }
  },
);

test(
  'a stopped holder is in the way of who asks, not of who takes over; woken it acknowledges nothing',
  { timeout: 60_000 },
  async () => {
    const stopped = new WriterProcess(data, 'stopped', 'owned');
    await stopped.told(20);
    stopped.signal('SIGSTOP');
    const polite = new WriterProcess(data, 'polite', 'owned');
    await polite.ended();
    expect(polite.lines).toEqual([`refused ${stopped.pid}`]);
    const next = new WriterProcess(data, 'next', 'takes over');
    await next.told(20);
    const told = stopped.lines.length;
    stopped.signal('SIGCONT');
    await stopped.ended();
    expect(stopped.lines.length - told).toBeLessThanOrEqual(2);
    expect(stopped.lines.at(-1)).toMatch(/^denied /);
    await next.kill();
    expect(await judge(data, [...stopped.lines, ...next.lines])).toBeNull();
  },
);
