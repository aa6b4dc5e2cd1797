/**
 * Who a partition is, as its state says, and of which tokens it has what they name. A restore makes a new generation:
 * tokens of the one before are good up to the revision that was restored; what came after it is another's history.
 */
import type { StoredValue } from '../bytes/value-format.ts';
import { LockstepError } from '../kernel/errors.ts';
import type { TokenParts } from './token.ts';

export interface Identity {
  /** 16 hexadecimal digits. */
  readonly id: string;
  readonly generation: number;
  /** Generations before, oldest first; the newest `formersMax` of them. */
  readonly formers: readonly FormerGeneration[];
}

export interface FormerGeneration {
  readonly generation: number;
  /** The last revision of it that there is here. */
  readonly revision: number;
}

/** How often a partition is restored before the tokens of its oldest generation are forgotten. */
const formersMax = 100;

/** @throws LockstepError `corrupt`. */
export function identityOf(value: StoredValue): Identity {
  const { id, generation, formers = [] } = (value ?? {}) as { readonly [key in keyof Identity]?: unknown };
  const isList = Array.isArray(formers) && formers.every((one: unknown) => Array.isArray(one) && one.length === 2);
  if (typeof id !== 'string' || typeof generation !== 'number' || !isList)
    throw new LockstepError('corrupt', 'the identity of a partition is not what was written');
  const pairs = formers as readonly (readonly [number, number])[];
  return { id, generation, formers: pairs.map(([former, revision]) => ({ generation: former, revision })) };
}

export function storedIdentity({ id, generation, formers }: Identity): StoredValue {
  return { id, generation, formers: formers.map((one) => [one.generation, one.revision]) };
}

/** The identity after a restore of a revision. */
export function nextGeneration(before: Identity, generation: number, revision: number): Identity {
  const formers = [...before.formers, { generation: before.generation, revision }];
  return { id: before.id, generation, formers: formers.slice(-formersMax) };
}

/** @throws LockstepError `invalid` for a token of another partition, or of what was not restored. */
export function checkToken({ id, generation, formers }: Identity, token: TokenParts): void {
  if (id === token.partition && generation === token.generation) return;
  const former = id === token.partition ? formers.find((one) => one.generation === token.generation) : undefined;
  if (former === undefined)
    throw new LockstepError('invalid', 'this token is of another partition', {
      values: { partition: id, generation, tokenPartition: token.partition, tokenGeneration: token.generation },
    });
  // A later restore may have gone back further than that one's end.
  const end = Math.min(...formers.slice(formers.indexOf(former)).map((one) => one.revision));
  if (token.revision <= end) return;
  throw new LockstepError('invalid', 'what this token names was written after the backup that was restored', {
    values: { tokenRevision: token.revision, restoredRevision: end, generation, tokenGeneration: token.generation },
    advice: ['drop the token and read what is there now: what it names is not'],
  });
}
