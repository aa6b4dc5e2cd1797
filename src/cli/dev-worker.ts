/**
 * The process in which `lockstep dev` has the app: it has loaded all else, imports the app when it is told to, opens it once
 * the process before has ended, serves it at a port of its own, and ends when it is told to, or when nobody is there any more
 * who could tell.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { App } from '../machine/app.ts';
import { isLockstepError } from '../kernel/errors.ts';
import { printable } from '../kernel/printable.ts';
import type { LogEntry } from '../observe/logger.ts';
import { serve } from '../server/node.ts';
import { open } from '../os/open.ts';
import { onAppFile } from './app-files.ts';
import { appIn } from './app-module.ts';
import { dataOf, removeData, startedText } from './app-start.ts';
import { backupActions } from './backup-action.ts';
import { codeChanges } from './code-changes.ts';
import { foldDiffering } from './differing-states.ts';
import type { DevNews, DevOrder } from './dev-messages.ts';
import { errorText } from './error-text.ts';
import { line } from './line.ts';
import { pageText } from './page.ts';
import { Rejections } from './rejections.ts';
import { tracerOf } from './telemetry.ts';

/** Between two looks at what was rejected. */
const lookMs = 500;
/** For how long the directory may still be that of a process that is ending. */
const takeMsMax = 3_000;

/** For so long requests wait while states are compared with what their events make; then it goes on behind them. */
const compareMsAtFirst = 200;

const tell = (news: DevNews): void => void process.send?.(news);

const [path = '', title = ''] = process.argv.slice(2);
process.title = title; // whoever looks for the command finds this process too
process.on('SIGINT', () => {}); // Ctrl-C goes to all processes of a terminal: who started this one tells it to end
const appFiles = onAppFile((file) => tell({ kind: 'file', file }));
try {
  await run(path);
} catch (error) {
  tell({ kind: 'failed', why: errorText(error), error: isLockstepError(error) ? error.kind : null });
  process.exitCode = 1;
}
if (process.connected) process.disconnect();

async function run(file: string): Promise<void> {
  const { importing, opening, ended } = orders();
  if ((await Promise.race([importing, ended])) === null) return;
  const app = await appIn(file);
  tell({ kind: 'imported' });
  const asked = await Promise.race([opening, ended]);
  if (asked !== null) await serveOver(app, asked, ended);
}

type OpenOrder = Extract<DevOrder, { kind: 'open' }>;

/** Ended: it was told to, or the process that could tell is gone. */
function orders() {
  const [importing, opening, ended] = [
    Promise.withResolvers<true>(),
    Promise.withResolvers<OpenOrder>(),
    Promise.withResolvers<null>(),
  ];
  process.once('SIGTERM', () => ended.resolve(null));
  process.once('disconnect', () => ended.resolve(null));
  process.on('message', (order: DevOrder) => {
    if (order.kind === 'import') importing.resolve(true);
    else if (order.kind === 'open') opening.resolve(order);
    else ended.resolve(null);
  });
  return { importing: importing.promise, opening: opening.promise, ended: ended.promise };
}

async function serveOver(app: App<unknown>, { data, isFresh }: OpenOrder, ended: Promise<null>): Promise<void> {
  const begun = performance.now();
  const directory = dataOf(app, data);
  if (isFresh) await removeData(directory, takeMsMax);
  const started = await startedText(app, directory);
  await using node = await open(app, { data: directory, withinMs: takeMsMax, logger, tracer: tracerOf(path) });
  const { said, unsure } = await codeChanges(node, directory, appFiles());
  const leaving = new AbortController();
  const comparing = foldDiffering(node, unsure, leaving.signal);
  const differing = await Promise.race([comparing, pause(compareMsAtFirst, null)]);
  const onError = (error: unknown): void => tell({ kind: 'thrown', what: errorText(error) });
  await using server = await serve(node, { port: 0, page: await pageText(), actions: backupActions(node), onError });
  tell({
    kind: 'ready',
    url: server.url,
    data: directory,
    started: await started(node, performance.now() - begun),
    changes: [...said, ...(differing ?? [])],
  });
  if (differing === null)
    void comparing.then((found) => found.forEach((text) => tell({ kind: 'said', line: line('states', text) })));
  const rejections = new Rejections(node.metrics);
  const look = (): void => {
    const rejected = rejections.line(performance.now());
    if (rejected !== null) tell({ kind: 'said', line: rejected });
  };
  const looking = setInterval(look, lookMs);
  const failed = await Promise.race([ended, node.stopped]);
  clearInterval(looking);
  look();
  leaving.abort();
  await comparing;
  if (failed !== null) throw failed;
}

/** What somebody should look at; what goes as it should is for machines that others run. */
function logger({ level, event, about }: LogEntry): void {
  if (level !== 'info')
    tell({ kind: 'thrown', what: line(level, event.replaceAll('-', ' '), printable(JSON.stringify(about))) });
}
