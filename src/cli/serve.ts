/** `lockstep serve`: an app over its directory, and all of its node over HTTP, until it is told to end. */
import { once } from 'node:events';
import { LockstepError } from '../kernel/errors.ts';
import { logLine, type LogEntry } from '../observe/logger.ts';
import { isLoopback } from '../server/node/loopback.ts';
import { serve, type HttpServer } from '../server/node.ts';
import type { LockstepNode } from '../node/node.ts';
import { open } from '../os/open.ts';
import { removeRunning, writeRunning } from '../os/running.ts';
import { appIn } from './app-module.ts';
import { dataOf, startedText } from './app-start.ts';
import { backupActions } from './backup-action.ts';
import { errorText } from './error-text.ts';
import { line } from './line.ts';
import { pageNotes, pageText } from './page.ts';
import { takenPort } from './port.ts';
import { bearerGiven, bearerVariable } from './settings.ts';
import { tracerOf } from './telemetry.ts';

export interface ServeOptions {
  readonly data: string | undefined;
  readonly port: string | undefined;
  readonly host: string | undefined;
}

/** Resolves with the exit code once it was told to end and has, or its node could not go on. */
export async function serveApp(path: string, { data, port, host }: ServeOptions): Promise<number> {
  const begun = performance.now();
  const bearer = secretFor(host);
  const ending = endAsked();
  const app = await appIn(path);
  const directory = dataOf(app, data);
  const started = await startedText(app, directory);
  const logger = (entry: LogEntry): void => console.error(logLine(entry, new Date()));
  await using node = await open(app, { data: directory, logger, tracer: tracerOf(path) });
  const server = await listening(node, { port, host, bearer });
  writeRunning(directory, {
    url: server.url,
    pid: process.pid,
    command: `lockstep serve ${path}`,
    since: new Date().toISOString(),
  });
  console.log(await started(node, performance.now() - begun));
  console.log(line('listens', server.url, ...pageNotes()));
  const failed = await Promise.race([ending, node.stopped]);
  removeRunning(directory);
  await server.close();
  if (failed === null) return 0;
  console.error(errorText(failed));
  return 1;
}

/** Ctrl-C, or whoever supervises it. */
async function endAsked(): Promise<null> {
  await Promise.race(['SIGINT', 'SIGTERM'].map((signal) => once(process, signal)));
  return null;
}

const hostDefault = '127.0.0.1';

/** Undefined: on this machine's own address nobody needs one. @throws LockstepError `misuse` where one is lacking. */
function secretFor(host: string = hostDefault): string | undefined {
  if (isLoopback(host)) return undefined;
  const bearer = bearerGiven();
  if (bearer === undefined)
    throw new LockstepError('misuse', 'who can reach this address from other machines is to bear a secret', {
      values: { host },
      advice: [`choose one, at least 16 characters: ${bearerVariable}=… lockstep serve …`],
    });
  return bearer;
}

async function listening(
  node: LockstepNode,
  { port, host = hostDefault, bearer }: Omit<ServeOptions, 'data'> & { readonly bearer: string | undefined },
): Promise<HttpServer> {
  const page = await pageText();
  const onError = (error: unknown): void => console.error(errorText(error));
  return takenPort(port, (free) =>
    serve(node, { bearer, host, port: free, page, actions: backupActions(node), onError }),
  );
}
