/**
 * `lockstep/env`: what a process may ask of the outside world, as a handful of small interfaces. Write a service as
 * an async function of an `Env` and it runs unchanged on a real machine (`hostEnv` from `lockstep`) and in the
 * simulator (`lockstep/sim`), where every answer comes from a seed. Start at `Env`. What ports throw is a `LockstepError`.
 */
export type { Clock } from './clock.ts';
export type { Disk, DiskEntry, DiskFile } from './disk.ts';
export type { Env, Ports } from './env.ts';
export type { Fetch } from './fetch.ts';
export type { Job, Jobs } from './jobs.ts';
export type { ConnectOptions, FrameStream, Listener, Network, NodeAddress } from './network.ts';
export { frameBytesMax } from './network.ts';
export type { Beacon, FileSystem, Ownership, ProcessName } from './ownership.ts';
export type { Randomness } from './randomness.ts';
export type { Timer, Timers } from './timers.ts';
export { isLockstepError, LockstepError } from '../kernel/errors.ts';
export type { ErrorKind, ErrorValues, LockstepErrorOptions } from '../kernel/errors.ts';
export type { Duration, Instant, WallTime } from '../kernel/time.ts';
