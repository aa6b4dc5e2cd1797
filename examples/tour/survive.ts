/** A log in a directory, its writer killed with kill -9 again and again: what was acknowledged is there. */
import { openFileLogs } from 'lockstep';
import { beforeFirst, isClaim } from 'lockstep/log';
import { ended, startProgram, withDirectory } from './program.ts';

export interface Survived {
  readonly kills: number;
  /** Lines whose acknowledgement their writer printed before it was killed. */
  readonly acknowledged: number;
  /** Of them, how many the log lacks. */
  readonly missing: number;
  /** Lines that are there though their writer was killed before it could say so. */
  readonly unsaid: number;
  readonly epochs: number;
}

/** Starts a writer, kills it in the middle of its work, starts the next one on the same directory; then reads the log. */
export function survive(kills: number, livesMs: number): Promise<Survived> {
  return withDirectory(async (data) => {
    const acknowledged = new Set<string>();
    for (let round = 0; round < kills; round++)
      for (const line of await killedWriter(data, livesMs)) acknowledged.add(line);
    const found = await readLog(data);
    const missing = [...acknowledged].filter((line) => !found.lines.has(line)).length;
    const unsaid = found.lines.size - (acknowledged.size - missing);
    return { kills, acknowledged: acknowledged.size, missing, unsaid, epochs: found.epochs };
  });
}

/** The lines that a writer said were acknowledged, `PID LINE` each. It is killed once it has said some, and lived so long. */
async function killedWriter(data: string, livesMs: number): Promise<readonly string[]> {
  const child = startProgram('appender.ts', data);
  let said = '';
  child.stdout.on('data', (text: string) => {
    if (said === '') setTimeout(() => child.kill('SIGKILL'), livesMs);
    said += text;
  });
  await ended(child);
  return said
    .slice(0, said.lastIndexOf('\n') + 1)
    .split('\n')
    .filter((line) => line !== '');
}

async function readLog(data: string): Promise<{ readonly lines: ReadonlySet<string>; readonly epochs: number }> {
  const logs = await openFileLogs(data);
  const log = await logs.open('tour', { create: false });
  if (log === null) throw new Error('the log is gone');
  const last = await log.tail();
  const [lines, epochs] = [new Set<string>(), new Set<number>()];
  reading: for await (const batch of log.read(beforeFirst)) {
    if (batch.kind !== 'records') throw new Error(`the log cannot be followed: ${batch.kind}`);
    for (const record of batch.records) {
      epochs.add(record.epoch);
      const [, line, pid] = /^line (\d+) of process (\d+)$/.exec(new TextDecoder().decode(record.payload)) ?? [];
      if (!isClaim(record)) lines.add(`${pid} ${line}`);
      if (record.position === last) break reading;
    }
  }
  await logs.close();
  return { lines, epochs: epochs.size };
}
