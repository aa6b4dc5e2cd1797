/** The commands that ask a node how it is, have what stands still go on, and what is over packed. */
import { LockstepError } from '../kernel/errors.ts';
import { printable } from '../kernel/printable.ts';
import type { Archived } from '../machine/archive.ts';
import type { ProjectionStatus } from '../machine/projection/status.ts';
import type { DeadLetterOutcome, NodeDeadLetter } from '../node/dead-letters.ts';
import { printMs, printWaits } from '../observe/wait-text.ts';
import type { Wait } from '../observe/waits.ts';
import { nodePaths } from '../server/node-paths.ts';
import { jsonOf } from '../server/wire.ts';
import { counted, line } from './line.ts';
import type { LookOptions } from './look.ts';
import { dataText, namedText } from './plain-data.ts';
import { Progress } from './progress.ts';
import { remoteTo } from './running-node.ts';

/** What /partitions tells of one. */
interface PartitionTold {
  readonly kind: string;
  readonly revision: number;
  readonly leader: string | null;
  readonly failure: string | null;
  readonly checkpointFailure: string | null;
}

/** `lockstep status`. Exit code 1 where something cannot go on. */
export async function showStatus(options: LookOptions): Promise<number> {
  const remote = remoteTo(options);
  const [partitions, projections, letters, waits] = await Promise.all([
    remote.get<readonly PartitionTold[]>(nodePaths.partitions),
    remote.get<readonly ProjectionStatus[]>(nodePaths.projections),
    remote.get<readonly NodeDeadLetter[]>(nodePaths.deadLetters),
    remote.get<readonly Wait[]>(nodePaths.waits()),
  ]);
  const stopped = projections.filter(({ kind }) => kind === 'stopped');
  const isWell = stopped.length === 0 && partitions.every(({ failure }) => failure === null);
  if (options.json) console.log(jsonOf({ partitions, projections, deadLetters: letters, waits }));
  else {
    partitions.forEach((one, index) => console.log(partitionLine(one, index)));
    projections.forEach((one) => console.log(projectionLine(one)));
    console.log(line('waits', counted(waits.length, 'wait'), waits.length === 0 ? '' : 'lockstep explain'));
    console.log(
      line('letters', counted(letters.length, 'dead letter'), letters.length === 0 ? '' : 'lockstep dead-letters list'),
    );
  }
  return isWell ? 0 : 1;
}

const partitionLine = ({ kind, revision, leader, failure, checkpointFailure }: PartitionTold, index: number): string =>
  line(
    kind,
    `partition ${index}`,
    `revision ${revision}`,
    leader === null ? '' : `led by ${printable(leader)}`,
    failure === null ? '' : printable(failure),
    checkpointFailure === null ? '' : `checkpoint: ${printable(checkpointFailure)}`,
  );

/** `lockstep projections`. */
export async function showProjections(options: LookOptions): Promise<number> {
  const found = await remoteTo(options).get<readonly ProjectionStatus[]>(nodePaths.projections);
  if (options.json) console.log(jsonOf(found));
  else if (found.length === 0) console.log('  no projections');
  else for (const one of found) console.log(projectionLine(one));
  return 0;
}

function projectionLine({ kind, name, partition, progress, lag, error }: ProjectionStatus): string {
  const behind = lag.commands === 0 ? '' : `${counted(lag.commands, 'command')} behind, for ${printMs(lag.ms)}`;
  const first = line(kind, `${name} on partition ${partition}`, `${progress.percent} %`, behind);
  if (error === null) return first;
  const where = `${printable(error.event.machine)} ${printable(error.event.key)} version ${error.event.version}`;
  return [
    first,
    line('', `at ${where}: ${printable(error.message)}`),
    line(
      '',
      `fix it, then: lockstep projections retry ${name}; or without this event: lockstep projections skip ${name}`,
    ),
  ].join('\n');
}

/** `lockstep projections retry`, `skip`. */
export async function goOn(name: string, how: 'retry' | 'skip', options: LookOptions): Promise<number> {
  const path = how === 'retry' ? nodePaths.retryProjection : nodePaths.skipProjectionEvent;
  const query = new URLSearchParams({ name });
  const partitions = await remoteTo(options).post<readonly number[]>(`${path}?${query.toString()}`);
  if (options.json) console.log(jsonOf(partitions));
  else if (partitions.length === 0) console.log(line(name, 'is stopped nowhere'));
  else console.log(line(name, `goes on, on ${counted(partitions.length, 'partition')}`));
  return 0;
}

/** `lockstep explain`. */
export async function explain(key: string | undefined, options: LookOptions): Promise<number> {
  const found = await remoteTo(options).get<readonly Wait[]>(nodePaths.waits(key));
  console.log(options.json ? jsonOf(found) : printWaits(found, new Date()).trimEnd());
  return 0;
}

/** `lockstep dead-letters list`. */
export async function listDeadLetters(options: LookOptions): Promise<number> {
  const found = await remoteTo(options).get<readonly NodeDeadLetter[]>(nodePaths.deadLetters);
  if (options.json) console.log(jsonOf(found));
  else if (found.length === 0) console.log('  no dead letters');
  else for (const one of found) console.log(letterText(one));
  return 0;
}

function letterText({ partition, id, to, from, attempts, why, message }: NodeDeadLetter): string {
  const places = `to ${printable(to)}${from === null ? '' : ` from ${printable(from)}`}`;
  const tried = `tried ${attempts === 1 ? 'once' : `${attempts} times`}`;
  return `  ${partition}/${id}  ${[places, tried, printable(why)].join(' · ')}\n    ${dataText(message)}`;
}

/** `lockstep dead-letters retry`, `discard`. Exit code 2 where it stays. */
export async function settleDeadLetter(name: string, how: 'retry' | 'discard', options: LookOptions): Promise<number> {
  const [, partition, id] = /^(\d{1,4})\/([0-9a-f]{16}\.\d+\.\d+)$/.exec(name) ?? [];
  if (partition === undefined || id === undefined)
    throw new LockstepError('misuse', 'this names no dead letter', {
      values: { given: name },
      advice: ['they are listed with their names: lockstep dead-letters list'],
    });
  const path = how === 'retry' ? nodePaths.retryDeadLetter : nodePaths.discardDeadLetter;
  const query = new URLSearchParams({ partition, id });
  const outcome = await remoteTo(options).post<DeadLetterOutcome>(`${path}?${query.toString()}`);
  if (options.json) console.log(jsonOf(outcome));
  else if (outcome.kind === 'rejected') console.log(line('rejected', namedText(outcome.code, outcome.details)));
  else console.log(line('done', how === 'retry' ? 'it took effect' : 'it is gone'));
  return outcome.kind === 'rejected' ? 2 : 0;
}

/** `lockstep archive`. */
export async function archive(machine: string, key: string, options: LookOptions): Promise<number> {
  const remote = remoteTo(options);
  const query = new URLSearchParams({ machine, key });
  using progress = new Progress();
  for (let archived = 0; ;) {
    const done = await remote.post<Archived>(`${nodePaths.archive}?${query.toString()}`);
    archived += done.archived;
    if (!done.isAll) {
      progress.tell(counted(archived, 'event'));
      continue;
    }
    progress.end();
    if (options.json) console.log(jsonOf({ archived }));
    else console.log(line('archived', counted(archived, 'event'), `${printable(machine)} ${printable(key)}`));
    return 0;
  }
}
