/**
 * `lockstep`: a distributed-systems runtime for TypeScript. Declare a `machine`, tie it into an app with `defineApp`, `open`
 * it over a directory, then `send` and `read`. `openFileLogs` and `openHostEnv` are the ground beneath, for programs that use
 * `lockstep/log` or `lockstep/partition` by themselves; `LockstepError` is the one error class, whose kind says what to do.
 */
export { LockstepError, isLockstepError } from './kernel/errors.ts';
export type { ErrorKind, ErrorValues, LockstepErrorOptions } from './kernel/errors.ts';
export type { Duration } from './kernel/time.ts';
export { openFileLogs } from './os/logs.ts';
export type { FileLogs } from './os/logs.ts';
export { hostEnv, openHostEnv } from './os/env.ts';
export type { HostEnv, HostEnvOptions } from './os/env.ts';
export type { HostLimits } from './os/limits.ts';
export { connect } from './cli/connect.ts';
export type { ConnectOptions, RemoteConnection } from './client/connect.ts';
export { open } from './os/open.ts';
export type { OpenOptions } from './os/open.ts';
export { backup, restore } from './os/backup.ts';
export type {
  NodeBackup,
  NodeBackupOptions,
  NodeBackupProgress,
  RestoredNode,
  RestoreNodeOptions,
} from './os/backup.ts';
export type { LockstepNode } from './node/node.ts';
export type { DeadLetterName, DeadLetterOutcome, NodeDeadLetter } from './node/dead-letters.ts';
export type { Acknowledged, DurableSubscription } from './node/durable-subscription.ts';
export { defineApp, provide } from './machine/app.ts';
export type { App, Complete, Part } from './machine/app.ts';
export { committed } from './machine/connection.ts';
export type {
  Answer,
  Cause,
  Committed,
  Connection,
  Extra,
  FollowOptions,
  QueryOptions,
  Recorded,
  RecordedOf,
  SendOptions,
  Snapshot,
  StreamOptions,
  StreamSlice,
  SubscriptionOptions,
  TaggedEvents,
  TaggedOptions,
} from './machine/connection.ts';
export { fromCloudEvent, fromHttp, toCloudEvent, toHttp } from './machine/cloud-event.ts';
export type { CloudEvent, CloudEventMessage, CloudEventOptions, ReceivedEvent } from './machine/cloud-event.ts';
export type {
  AnyMachine,
  ArchiveRule,
  CommandInput,
  CommandName,
  CommandsOf,
  Context,
  EventQuery,
  EventsOf,
  Fence,
  Machine,
  NewEvent,
  NoneSince,
  RejectionOf,
  StateOf,
  Transaction,
} from './machine/definition.ts';
export { drawMermaid } from './machine/diagram-mermaid.ts';
export { drawMachineSvg } from './machine/diagram-svg.ts';
export { fsm, next } from './machine/fsm.ts';
export { machine } from './machine/machine.ts';
export { service } from './machine/part.ts';
export type { Options, Projection, Query, Service } from './machine/part.ts';
export { projection } from './machine/projection/projection.ts';
export { query } from './machine/projection/query.ts';
export type { ListOptions, Page, PageEnd, PageOptions, RowReader } from './machine/projection/row-reader.ts';
export type { RowWriter } from './machine/projection/rows.ts';
export type { ProjectionStatus } from './machine/projection/status.ts';
export type { AskedQuery, QueryMiddleware } from './machine/projection/run-query.ts';
export { reject } from './machine/rejection.ts';
export type { StoredEvents } from './machine/outdated.ts';
export type { ReplayDifference, Replayed, ReplayOptions, ReplayProgress } from './machine/replay.ts';
export type { CommandMiddleware, CommandOutcome, SentCommand } from './machine/router.ts';
export { nothing, unchecked } from './machine/schema.ts';
export type { Input, Output, Schema, Schemas } from './machine/schema.ts';
export { versions } from './machine/versions.ts';
export type { Versions } from './machine/versions.ts';
export type { LogEngine } from './log/port.ts';
export type { Wait } from './observe/waits.ts';
export { commandId } from './partition/command-id.ts';
export type { CommandId } from './partition/command-id.ts';
export type { Rejection, Synchronous, Token } from './partition/transaction.ts';
