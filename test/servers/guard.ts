/**
 * A server that a test has started ends with the process that started it, also where that is killed, as a worker is whose
 * tests take too long. A shell beside it reads from a pipe that nobody writes to, which ends with this process alone.
 */
import { type ChildProcess, spawn } from 'node:child_process';

export function endWithUs(server: ChildProcess): void {
  const { pid } = server;
  if (pid === undefined) return; // it never ran
  const script = 'read -r _; kill -9 "$1"';
  // A group of its own: an interrupt from the terminal ends us, and it does its work.
  const guard = spawn('/bin/sh', ['-c', script, 'guard', String(pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  guard.unref();
  guard.once('error', () => {}); // no shell here: the server has to be stopped by hand then
  server.once('exit', () => guard.kill('SIGKILL')); // its number may soon be another's
}
