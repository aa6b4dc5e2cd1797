/** A process of the scenario `log`: it takes the log from whoever has it, leads for a while, reads what others wrote. */
import type { Disk, Env } from 'lockstep/env';
import { isLockstepError } from 'lockstep/env';
import type { World } from 'lockstep/sim';
import { position } from '../../../src/log/coordinates.ts';
import { fileEngine } from '../../../src/log/file.ts';
import type { Log, LogEngine, LogRecord, LogWriter } from '../../../src/log/port.ts';
import type { Promises } from './log-promises.ts';

/** A writer's name and count take less. */
const payloadBytesMax = 2_048;
const options = {
  config: { silenceMs: 40, pauseMsMax: 20, attemptMsMax: 500, settleMsMax: 1_000 },
  limits: { segmentBytes: 16_384, groupBytesMax: 4_096, waitingBytesMax: 8_192, spareCountMax: 1, markAfterMs: 50 },
  payloadBytesMax,
};
export const directory = 'logs/log';
const encoder = new TextEncoder();

/** How a process comes by its log. */
export interface Ways {
  readonly disk: (env: Env) => Disk;
}

export const engineOf = (env: Env, { disk }: Ways, onCut?: () => void): LogEngine =>
  fileEngine({ ...env, disk: disk(env) }, 'logs', { ...options, onCut });

export async function openLog(engine: LogEngine): Promise<Log> {
  const log = await engine.open('log', { create: true });
  if (log === null) throw new Error('it is created');
  return log;
}

export interface Bystander {
  readonly name: string;
  /** Where its reader was, with the chain there: it survives the process, as a follower's own state would. */
  place: { readonly position: number; readonly chain: string | undefined };
}

/** From its start again and again, until `done`. */
export async function runProcess(
  world: World,
  env: Env,
  who: Bystander,
  promises: Promises,
  ways: Ways,
  done: () => boolean,
): Promise<void> {
  const { randomness } = env;
  while (!done()) {
    const engine = engineOf(env, ways, () => promises.count('a torn end was cut'));
    const stop = new AbortController();
    const pass = (error: unknown): void => tolerate(world, error, promises, stop.signal);
    let reading: Promise<void> = Promise.resolve();
    try {
      const log = await openLog(engine);
      if (randomness.below(2) === 0) who.place = { position: 0, chain: undefined };
      reading = follow(world, log, who, promises, stop.signal).catch(pass);
      const turns = async (handle: Log): Promise<void> => {
        for (let turn = 1 + randomness.below(3); turn > 0; turn--)
          await lead(world, env, promises, handle, who.name, stop.signal);
      };
      // Sometimes two of one process take it from each other too.
      const handles = randomness.below(4) === 0 ? [log, await openLog(engine)] : [log];
      await Promise.all(handles.map((handle) => turns(handle).catch(pass)));
    } catch (error) {
      pass(error);
    }
    stop.abort(new Error('this turn is over'));
    await reading;
    await engine.close().catch(pass);
    await env.sleep(`${randomness.below(200)}ms`);
  }
}

/** Appends, asks whether it still leads, trims; then stops leading, or just goes silent. */
export async function lead(
  world: World,
  env: Env,
  promises: Promises,
  log: Log,
  process: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { randomness } = env;
  const name = promises.newWriter(process);
  const writer = await log.acquire({ owner: name, signal });
  promises.leads(writer.epoch, writer.start, name);
  for (let count = randomness.below(randomness.below(4) === 0 ? 40 : 12); count > 0; count--) {
    if ((await append(promises, writer, name, randomness.below(payloadBytesMax + 1))) === 'fenced') return;
    if (randomness.below(4) === 0) await env.sleep(`${randomness.below(100)}ms`);
    if (randomness.below(10) > 0) continue;
    const { newestEpoch } = promises;
    if ((await writer.confirm()) === 'lost') return promises.count('no longer led, when asked');
    if (newestEpoch > writer.epoch) world.fail(`${name} is told that it leads after epoch ${newestEpoch} did`);
  }
  if (randomness.below(6) === 0) await trim(world, promises, log, randomness.below(2) === 0);
  if (randomness.below(3) > 0) await writer.release();
}

export async function append(
  promises: Promises,
  writer: LogWriter,
  name: string,
  bytes: number,
): Promise<'appended' | 'fenced'> {
  const text = promises.ask(name);
  const payload = encoder.encode(text.padEnd(bytes, '.'));
  promises.appendsBegun++;
  const outcome = await writer.append({ payload, firstRevision: 0, revisionCount: 1 }).catch((error: unknown) => {
    if (isLockstepError(error, 'unavailable')) promises.deny(text);
    throw error;
  });
  if (outcome.kind === 'fenced') promises.deny(text);
  else promises.promise(outcome.position, text, 'acknowledged there is');
  if (outcome.kind === 'appended') promises.count('appended');
  return outcome.kind;
}

/** All but the newest ten; one that is held on the way stays. */
async function trim(world: World, promises: Promises, log: Log, holds: boolean): Promise<void> {
  const before = Math.max(promises.trimmedTo, promises.acknowledged - 10);
  const held = Math.max(promises.trimmedTo, before - 5);
  const hold = holds ? log.hold(position(held)) : null;
  promises.trimmedTo = hold === null ? before : held;
  const first = await log.trim(position(before));
  hold?.release();
  if (first > 1) promises.count('trimmed');
  if (first > promises.trimmedTo) world.fail(`asked to trim up to ${promises.trimmedTo}, it is gone up to ${first}`);
}

/** Reads on whatever this process sees, until it ends. */
async function follow(world: World, log: Log, who: Bystander, promises: Promises, signal: AbortSignal): Promise<void> {
  for (let trimmed = true; trimmed;) {
    trimmed = false;
    const { place } = who;
    if (place.chain !== undefined) promises.count('a reader read on from its place');
    for await (const batch of log.read(position(place.position), { chain: place.chain, signal })) {
      if (batch.kind === 'diverged') world.fail(`a reader finds ${JSON.stringify(batch)}`);
      if (batch.kind === 'trimmed') {
        if (batch.earliest > promises.trimmedTo)
          world.fail(`${batch.earliest} is the earliest, and nobody trimmed so far`);
        promises.count('a reader was behind a trim');
        who.place = { position: batch.earliest - 1, chain: undefined };
        trimmed = true;
      } else {
        const last = promises.see(who.place.position, batch.records);
        who.place = { position: last, chain: batch.records.at(-1)?.chain };
      }
    }
  }
}

/** A disk may fail and a doubt may stay; what is never so is that anything is damaged. */
function tolerate(world: World, error: unknown, promises: Promises, signal: AbortSignal): void {
  if (signal.aborted && error === signal.reason) return;
  const passes = ['unknown', 'unavailable', 'disk-full', 'disk-failed', 'stopped'] as const;
  if (isLockstepError(error, 'unknown')) promises.count('unknown');
  if (isLockstepError(error, 'disk-full') || isLockstepError(error, 'disk-failed')) promises.count('a disk failed');
  if (passes.some((kind) => isLockstepError(error, kind))) return;
  undamaged(world, error);
}

/** For who opens a log in which nothing may be called damaged. */
export function undamaged(world: World, error: unknown): never {
  if (isLockstepError(error, 'corrupt')) world.fail(`nothing is damaged, and yet: ${error.message}`);
  throw error;
}

/** All that the log keeps. */
export async function readAll(
  env: Env,
  ways: Ways,
): Promise<{ readonly first: number; readonly records: readonly LogRecord[] }> {
  const engine = engineOf(env, ways);
  const log = await openLog(engine);
  const [records, tail]: [LogRecord[], number] = [[], await log.tail()];
  for (let [from, end] = [0, tail === 0]; !end;) {
    for await (const batch of log.read(position(from))) {
      if (batch.kind === 'diverged') throw new Error(JSON.stringify(batch));
      if (batch.kind === 'trimmed') from = batch.earliest - 1;
      else records.push(...batch.records);
      end = (records.at(-1)?.position ?? from) >= tail;
      if (end) break;
    }
  }
  await engine.close();
  return { first: records[0]?.position ?? tail + 1, records };
}
