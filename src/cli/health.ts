/** The commands that ask a node how it is, have what stands still go on, and what is over packed. */
import { LockstepError } from '../kernel/errors.ts';
import { printable } from '../kernel/printable.ts';
import type { Guarantees } from '../log/port.ts';
import type { Archived } from '../machine/archive.ts';
import type { ProjectionStatus } from '../machine/projection/status.ts';
import type { NodeDeadLetter } from '../node/dead-letters.ts';
import type { NodeEngine } from '../node/node.ts';
import { printMs, printWaits } from '../observe/wait-text.ts';
import { nodePaths } from '../server/node-paths.ts';
import { jsonOf } from '../server/wire.ts';
import { counted, line } from './line.ts';
import type { LookOptions } from './look.ts';
import { dataText, namedText } from './plain-data.ts';
import { Progress } from './progress.ts';
import { connectionTo, remoteTo } from './running-node.ts';

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
  const node = connectionTo(options);
  const [engine, partitions, projections, letters, waits] = await Promise.all([
    remote.get<NodeEngine>(nodePaths.engine),
    remote.get<readonly PartitionTold[]>(nodePaths.partitions),
    node.projections(),
    node.deadLetters(),
    node.explain(),
  ]);
  const stopped = projections.filter(({ kind }) => kind === 'stopped');
  const isWell = stopped.length === 0 && partitions.every(({ failure }) => failure === null);
  if (options.json) console.log(jsonOf({ engine, partitions, projections, deadLetters: letters, waits }));
  else {
    engineLines(engine).forEach((one) => console.log(one));
    partitions.forEach((one, index) => console.log(partitionLine(one, index)));
    projections.forEach((one) => console.log(projectionLine(one)));
    console.log(line('waits', counted(waits.length, 'wait'), waits.length === 0 ? '' : 'lockstep explain'));
    console.log(
      line('letters', counted(letters.length, 'dead letter'), letters.length === 0 ? '' : 'lockstep dead-letters list'),
    );
  }
  return isWell ? 0 : 1;
}

const survivesText: Readonly<Record<Guarantees['survives'], string>> = {
  nothing: 'what is acknowledged survives nothing',
  process: 'what is acknowledged survives kill -9, not the loss of power',
  machine: 'what is acknowledged survives the loss of power',
  minority: 'what is acknowledged survives the loss of a minority, with their disks',
};

function engineLines({ name, guarantees: { survives, warning } }: NodeEngine): readonly string[] {
  const first = line('log', printable(name), survivesText[survives]);
  return warning === undefined ? [first] : [first, line('warning', printable(warning))];
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
  const found = await connectionTo(options).projections();
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
  const node = connectionTo(options);
  const partitions = await (how === 'retry' ? node.retryProjection(name) : node.skipProjectionEvent(name));
  if (options.json) console.log(jsonOf(partitions));
  else if (partitions.length === 0) console.log(line(name, 'is stopped nowhere'));
  else console.log(line(name, `goes on, on ${counted(partitions.length, 'partition')}`));
  return 0;
}

/** `lockstep explain`. */
export async function explain(key: string | undefined, options: LookOptions): Promise<number> {
  const found = await connectionTo(options).explain({ key });
  console.log(options.json ? jsonOf(found) : printWaits(found, new Date()).trimEnd());
  return 0;
}

/** `lockstep dead-letters list`. */
export async function listDeadLetters(options: LookOptions): Promise<number> {
  const found = await connectionTo(options).deadLetters();
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
  const [, partition, id] = /^(\d{1,4})\/([0-9a-f]{16}\.\d+\.\d+|timer\/.+)$/.exec(name) ?? [];
  if (partition === undefined || id === undefined)
    throw new LockstepError('misuse', 'this names no dead letter', {
      values: { given: name },
      advice: ['they are listed with their names: lockstep dead-letters list'],
    });
  const node = connectionTo(options);
  const letter = { partition: Number(partition), id };
  const outcome = await (how === 'retry' ? node.retryDeadLetter(letter) : node.discardDeadLetter(letter));
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
