/** Statements that come again, by names that are worth preparing. */
import { hash128 } from '../../bytes/hash.ts';
import { hexOfWords } from '../chain.ts';

/** A text that will come again. The name follows from it: on one connection, one name never means two texts. */
export interface Repeated {
  readonly name: string;
  readonly text: string;
}

export function repeated(text: string): Repeated {
  const words = new Uint32Array(4);
  hash128(words, new TextEncoder().encode(text));
  return { name: `lockstep_${hexOfWords(words)}`, text };
}

export const textOf = (statement: string | Repeated): string =>
  typeof statement === 'string' ? statement : statement.text;
