/** A process that appends numbered lines to a log in a directory, and says each number once it is acknowledged, until it is killed. */
import { openFileLogs } from 'lockstep';

// The directory is this process' alone. The one before was killed, so it is in nobody's way.
const logs = await openFileLogs(process.argv[2] ?? 'tour-data');
const log = await logs.open('tour', { create: true });
if (log === null) throw new Error('with create there is a log');
const writer = await log.acquire({ owner: `process ${process.pid}` });

for (let line = 1; ; line++) {
  const payload = new TextEncoder().encode(`line ${line} of process ${process.pid}`);
  const { kind } = await writer.append({ payload, firstRevision: Number(writer.start) + line, revisionCount: 1 });
  if (kind === 'fenced') break;
  process.stdout.write(`${process.pid} ${line}\n`);
}
await logs.close();
