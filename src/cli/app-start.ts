/** What `dev` and `serve` do alike when they open an app: where data lies, what is told. */
import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { mkdir, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { countText } from '../kernel/count-text.ts';
import { closingEngine } from '../log/closing-engine.ts';
import { openFileEngine } from '../log/file-owner.ts';
import type { App } from '../machine/app.ts';
import { openHostEnv } from '../os/env.ts';
import type { LockstepNode } from '../node/node.ts';
import { counted, line, seconds } from './line.ts';
import { dataRoot } from './running-node.ts';

export const dataOf = (app: App<unknown>, data: string | undefined): string => data ?? join(dataRoot, app.name);

/** Of a node that begins: what it is made of. Of one that goes on: what it has. The answer is given once it has started. */
export async function startedText(
  app: App<unknown>,
  data: string,
): Promise<(node: LockstepNode, tookMs: number) => Promise<string>> {
  if (await isThere(join(data, 'log'))) {
    return async (node, tookMs) => {
      const { events, isAll } = await node.storedEvents();
      const count = `${isAll ? '' : 'at least '}${countText(events)} ${events === 1 ? 'event' : 'events'}`;
      return line(app.name, `ready in ${seconds(tookMs)}`, count, 'nothing lost');
    };
  }
  await mkdir(data, { recursive: true });
  const syncMs = medianSyncMs(join(data, 'sync.probe'));
  const machines = counted(app.parts.filter(({ kind }) => kind === 'machine').length, 'machine');
  return async () =>
    line(app.name, machines, `data ${data}`, `every commit on disk (fdatasync ${syncMs.toFixed(1)} ms here)`);
}

async function isThere(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false;
    throw error;
  }
}

const probeCount = 7;
const probeBytes = 4_096;

/** How long this disk takes to make a little durable. */
function medianSyncMs(path: string): number {
  const file = openSync(path, 'w');
  try {
    const times = Array.from({ length: probeCount }, (_, at) => {
      writeSync(file, new Uint8Array(probeBytes), 0, probeBytes, at * probeBytes);
      const begun = performance.now();
      fdatasyncSync(file);
      return performance.now() - begun;
    }).toSorted((a, b) => a - b);
    return times[probeCount >> 1] as number;
  } finally {
    closeSync(file);
    rmSync(path);
  }
}

/** @throws LockstepError `in-use` where a process has it. */
export async function removeData(data: string, withinMs: number): Promise<void> {
  if (!(await isThere(data))) return;
  const env = await openHostEnv({ data });
  const engine = await openFileEngine(env, 'log', { calledDirectory: resolve(data), withinMs });
  await closingEngine(engine, env).close();
  await rm(data, { recursive: true });
}
