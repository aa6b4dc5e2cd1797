/**
 * One log in a file, two who want to lead, and one who follows. Ann leads and appends; Bob takes over; what Ann appends
 * after that is fenced: it is certainly not in the log, and she knows.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openFileLogs } from 'lockstep';
import { beforeFirst, isClaim, ownerOf, type LogEntry, type LogRecord } from 'lockstep/log';

const data = await mkdtemp(join(tmpdir(), 'lockstep-log-'));
const logs = await openFileLogs(data, { config: { silenceMs: 100, pauseMsMax: 20 } });
const log = await logs.open('accounts', { create: true });
if (log === null) throw new Error('with create there is a log');

let revision = 0;
const entry = (text: string): LogEntry => ({
  payload: new TextEncoder().encode(text),
  firstRevision: ++revision,
  revisionCount: 1,
});

const show = (record: LogRecord): string =>
  isClaim(record) ? `${ownerOf(record)} leads` : new TextDecoder().decode(record.payload);

const read = log.read(beforeFirst);
async function follow(): Promise<void> {
  for await (const batch of read) {
    if (batch.kind !== 'records') throw new Error(`no more to follow: ${batch.kind}`);
    for (const record of batch.records) {
      console.log(`${record.position}  epoch ${record.epoch}  ${show(record)}`);
      if (show(record) === 'the end') return;
    }
  }
}
const following = follow();

const ann = await log.acquire({ owner: 'ann' });
await ann.append(entry('ann opens an account'));
await ann.append(entry('ann pays in 100'));

// Ann is slow, or cut off, or gone: nobody can tell. Bob waits out a silence and claims.
const bob = await log.acquire({ owner: 'bob' });
console.log('ann appends too late:', (await ann.append(entry('ann pays out 100'))).kind);
console.log('ann may still answer reads:', await ann.confirm());
await bob.append(entry('bob closes the account'));
await bob.append(entry('the end'));

await following;
await logs.close();
await rm(data, { recursive: true });
