/**
 * The process in which `lockstep dev` has the app: it imports it, opens it once the process before has ended, serves it at
 * a port of its own, and ends when it is told to, or when nobody is there any more who could tell.
 */
import { once } from 'node:events';
import type { App } from '../machine/app.ts';
import { isLockstepError } from '../kernel/errors.ts';
import { serve } from '../server/node.ts';
import { open } from '../os/open.ts';
import { onAppFile } from './app-files.ts';
import { appIn } from './app-module.ts';
import { dataOf, removeData, startedText } from './app-start.ts';
import { backupActions } from './backup-action.ts';
import { codeChanges } from './code-changes.ts';
import type { DevNews, DevOrder } from './dev-messages.ts';
import { errorText } from './error-text.ts';
import { pageText } from './page.ts';

/** For how long the directory may still be that of a process that is ending. */
const takeMsMax = 3_000;

const tell = (news: DevNews): void => void process.send?.(news);

const [path = '', title = ''] = process.argv.slice(2);
process.title = title; // whoever looks for the command finds this process too
process.on('SIGINT', () => {}); // Ctrl-C goes to all processes of a terminal: who started this one tells it to end
onAppFile((file) => tell({ kind: 'file', file }));
try {
  await run(path);
} catch (error) {
  tell({ kind: 'failed', why: errorText(error), error: isLockstepError(error) ? error.kind : null });
  process.exitCode = 1;
}
if (process.connected) process.disconnect();

async function run(file: string): Promise<void> {
  const ended = endAsked();
  const app = await appIn(file);
  const ordered = once(process, 'message') as Promise<[DevOrder]>; // nobody else sends any
  tell({ kind: 'imported' });
  const order = await Promise.race([ended, ordered]);
  if (order === null) return;
  const [asked] = order;
  if (asked.kind === 'open') await serveOver(app, asked, ended);
}

async function serveOver(
  app: App<unknown>,
  { data, isFresh }: Extract<DevOrder, { kind: 'open' }>,
  ended: Promise<null>,
): Promise<void> {
  const begun = performance.now();
  const directory = dataOf(app, data);
  if (isFresh) await removeData(directory, takeMsMax);
  const started = await startedText(app, directory);
  await using node = await open(app, { data: directory, withinMs: takeMsMax });
  const changes = await codeChanges(node, directory);
  const onError = (error: unknown): void => tell({ kind: 'thrown', what: errorText(error) });
  await using server = await serve(node, { port: 0, page: await pageText(), actions: backupActions(node), onError });
  tell({
    kind: 'ready',
    url: server.url,
    data: directory,
    started: await started(node, performance.now() - begun),
    changes,
  });
  const failed = await Promise.race([ended, node.stopped]);
  if (failed !== null) throw failed;
}

/** Told to, or the process that could tell is gone. */
function endAsked(): Promise<null> {
  return new Promise((resolve) => {
    process.once('SIGTERM', () => resolve(null));
    process.once('disconnect', () => resolve(null));
    process.on('message', (order: DevOrder) => {
      if (order.kind === 'end') resolve(null);
    });
  });
}
