#!/usr/bin/env node
/**
 * The `lockstep` command. So far it looks into the files of logs; more commands come with what they command.
 * Exit codes: 0 done and nothing wrong, 1 an error, or damage was found.
 */
import { parseArgs } from 'node:util';
import { isLockstepError, LockstepError } from '../kernel/errors.ts';
import { inspectFileLog, inspectOwner, printInspection, type LogInspection } from '../log/file-inspect.ts';
import { HostDisk } from '../os/disk.ts';
import { HostOwnership } from '../os/ownership.ts';

const usage = `lockstep log inspect DIR [--json]

  Shows what the files of a log say: owner, claims, epochs, segments, marks, torn ends, damage. DIR is the directory of a log,
  or of an engine with its logs. Reads everything, changes nothing, and may run beside the process that owns it.
  Exit code 1 when damage is found.

for example
  lockstep log inspect ./data/logs
  lockstep log inspect ./data/logs/orders --json`;

async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { json: { type: 'boolean', default: false }, help: { type: 'boolean', short: 'h', default: false } },
  });
  const [noun, verb, directory, ...rest] = positionals;
  if (values.help || noun === undefined) {
    console.log(usage);
    return 0;
  }
  if (noun !== 'log' || verb !== 'inspect' || directory === undefined || rest.length > 0) {
    throw new LockstepError('misuse', 'there is no such command', {
      values: { command: positionals.join(' ') },
      advice: usage.split('\n'),
    });
  }
  return inspect(directory, values.json);
}

async function inspect(root: string, json: boolean): Promise<number> {
  const disk = new HostDisk(root);
  try {
    const logs = await logsIn(disk);
    if (logs.size === 0) {
      throw new LockstepError('invalid', 'there is no log in this directory', { values: { directory: root } });
    }
    if (json) console.log(JSON.stringify(Object.fromEntries(logs), null, 2));
    else {
      const owner = await inspectOwner(disk, new HostOwnership(() => disk.root), '');
      if (owner !== null) console.log(owner);
      for (const [name, log] of logs) console.log(printInspection(name === '' ? root : name, log));
    }
    return [...logs.values()].some(isDamaged) ? 1 : 0;
  } finally {
    disk.close();
  }
}

/** The directory itself when it is a log, else the logs in it. */
async function logsIn(disk: HostDisk): Promise<ReadonlyMap<string, LogInspection>> {
  const itself = await inspectFileLog(disk, '');
  if (itself !== null) return new Map([['', itself]]);
  const found = new Map<string, LogInspection>();
  for (const { name, kind } of disk.list('') ?? []) {
    const log = kind === 'directory' ? await inspectFileLog(disk, name) : null;
    if (log !== null) found.set(name, log);
  }
  return found;
}

const isDamaged = ({ damage, epochs }: LogInspection): boolean =>
  damage !== null || epochs.some((epoch) => epoch.damage !== null);

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const known = isLockstepError(error) || (error instanceof TypeError && 'code' in error);
  if (!known) throw error;
  console.error(isLockstepError(error) ? `${error.kind}: ${error.message}` : `misuse: ${error.message}\n\n${usage}`);
  process.exitCode = 1;
}
