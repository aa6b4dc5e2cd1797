/**
 * What an application is made of, as types: a definition has a kind and a name, and carries in `'~types'` what the compiler
 * knows of it. The rooms that make queues, sagas, topics and so on return these, so that a machine's `decide` and an
 * application can name them without knowing those rooms.
 */
import type { Duration } from '../kernel/time.ts';

/** Something outside that handlers need; given by `provide`, replaced in tests. */
export interface Service<T> {
  readonly kind: 'service';
  readonly '~types'?: T;
}

export function service<T>(): Service<T> {
  return { kind: 'service' };
}

export type Services<N> = { readonly [K in keyof N]: N[K] extends Service<infer T> ? T : never };

/** Options of verbs: each may be left out or undefined. */
export type Options<T> = { readonly [K in keyof T]?: T[K] | undefined };

export interface Queue<Name extends string, Job, In> {
  readonly kind: 'queue';
  readonly name: Name;
  readonly '~types'?: { job: Job; in: In };
}
export type PushOptions = Options<{
  after: Duration;
  priority: number;
  dedupe: { readonly id: string; readonly within: Duration };
}>;

export interface WorkerPart<N> {
  readonly kind: 'worker';
  readonly name: string;
  readonly needs: Readonly<Record<string, unknown>>;
  readonly '~types'?: { needs: N };
}

export interface Saga<Name extends string, In, Result, Failure, Signals = unknown, N = unknown> {
  readonly kind: 'saga';
  readonly name: Name;
  readonly needs: Readonly<Record<string, unknown>>;
  readonly '~types'?: { in: In; result: Result; failure: Failure; signals: Signals; needs: N };
}

export interface Topic<Name extends string, Message, In> {
  readonly kind: 'topic';
  readonly name: Name;
  readonly '~types'?: { message: Message; in: In };
}

export interface Projection<Name extends string, Row, Indexes> {
  readonly kind: 'projection';
  readonly name: Name;
  readonly '~types'?: { row: Row; indexes: Indexes };
}

export interface Query<Name extends string, In, Result> {
  readonly kind: 'query';
  readonly name: Name;
  readonly '~types'?: { in: In; result: Result };
}

export interface Policy {
  readonly kind: 'policy';
  readonly name: string;
}

export interface Schedule {
  readonly kind: 'schedule';
  readonly name: string;
}

export interface LockPart {
  readonly kind: 'lock';
  readonly name: string;
}
