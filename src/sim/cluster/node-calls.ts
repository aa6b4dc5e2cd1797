/** What can be asked of a simulated node over the network, and what it answers: plain data, a value in a frame. */
import { isLockstepError, LockstepError, type ErrorKind, type ErrorValues } from '../../kernel/errors.ts';
import type { Fence } from '../../machine/definition.ts';
import type { CommandId } from '../../partition/command-id.ts';
import type { Token } from '../../partition/transaction.ts';

/** Which partition: that of a key, or this one. */
export type Where = { readonly key: string } | { readonly index: number };

export type NodeRequest =
  | {
      readonly kind: 'send';
      readonly machine: string;
      readonly key: string;
      readonly command: string;
      readonly data: unknown;
      readonly commandId: CommandId;
      readonly expectedVersion: number | undefined;
      readonly fence: Fence | undefined;
      readonly withinMs: number;
    }
  | {
      readonly kind: 'read';
      readonly machine: string;
      readonly key: string;
      readonly after: Token | undefined;
      readonly maxAgeMs: number | undefined;
    }
  | {
      readonly kind: 'query';
      readonly name: string;
      readonly input: unknown;
      readonly after: Token | undefined;
      readonly partial: boolean | undefined;
      readonly withinMs: number;
    }
  /** The newest token; null before anything was written. */
  | { readonly kind: 'newest'; readonly where: Where }
  /** Some of the events after a token, or none when none came for a while. */
  | { readonly kind: 'events'; readonly machine: string; readonly where: Where; readonly from: Token | 'start' }
  /** A batch of messages of another node. */
  | { readonly kind: 'deliver'; readonly to: number; readonly batch: unknown };

export type NodeAnswer =
  | { readonly kind: 'done'; readonly value: unknown }
  | { readonly kind: 'not-leader'; readonly leader: string | null }
  | { readonly kind: 'failed'; readonly failure: Failure };

/** An error on its way. `kind` null: it is none of this product. */
interface Failure {
  readonly kind: ErrorKind | null;
  readonly summary: string;
  readonly values: ErrorValues;
  readonly advice: readonly string[];
}

export function failureOf(error: unknown): Failure {
  if (!isLockstepError(error)) return { kind: null, summary: String(error), values: {}, advice: [] };
  const { kind, summary, values, advice } = error;
  return { kind, summary, values, advice };
}

export function errorOf({ kind, summary, values, advice }: Failure): Error {
  return kind === null ? new Error(summary) : new LockstepError(kind, summary, { values, advice });
}
