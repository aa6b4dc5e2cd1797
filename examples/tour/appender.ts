/** A process that appends numbered lines to a log in a directory, and says each number once it is acknowledged, until it is killed. */
import { openHostEnv } from 'lockstep';
import { fileEngine } from 'lockstep/log';

const env = await openHostEnv({ data: process.argv[2] });
const log = await fileEngine(env, 'logs').open('tour', { create: true });
if (log === null) throw new Error('with create there is a log');
const writer = await log.acquire({ owner: `process ${process.pid}` });

for (let line = 1; ; line++) {
  const payload = new TextEncoder().encode(`line ${line} of process ${process.pid}`);
  const { kind } = await writer.append({ payload, firstRevision: Number(writer.start) + line, revisionCount: 1 });
  if (kind === 'fenced') break;
  process.stdout.write(`${process.pid} ${line}\n`);
}
await env.close();
