/**
 * `lockstep`: a distributed-systems runtime for TypeScript. What is here so far is the ground: `hostEnv`, the real
 * world that a service (an async function of an `Env`, see `lockstep/env`) runs on in production; `openFileLogs`, logs in
 * a directory that this process has for itself (`lockstep/log`); and the one error class, `LockstepError`, whose kind
 * says what to do. The simulated world for the same services is `lockstep/sim`.
 */
export { LockstepError, isLockstepError } from './kernel/errors.ts';
export type { ErrorKind, ErrorValues, LockstepErrorOptions } from './kernel/errors.ts';
export type { Duration } from './kernel/time.ts';
export { openFileLogs } from './os/logs.ts';
export type { FileLogs } from './os/logs.ts';
export { hostEnv, openHostEnv } from './os/env.ts';
export type { HostEnv, HostEnvOptions } from './os/env.ts';
export type { HostLimits } from './os/limits.ts';
