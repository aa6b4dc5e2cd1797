/**
 * Reads EDN (github.com/edn-format/edn), the notation of Clojure's data, as far as histories use it. Keywords and symbols
 * become strings without the colon, vectors, lists and sets arrays, maps objects; nil is null; a tagged value is the
 * value. Numbers beyond what a number holds exactly become bigints.
 */
import { LockstepError } from '../kernel/errors.ts';
import { printValue } from './timeline.ts';

export interface EdnForm {
  readonly value: unknown;
  /** The line on which it begins, from 1. */
  readonly line: number;
}

const closing: Readonly<Record<string, string>> = { '[': ']', '(': ')', '{': '}' };
const depthMax = 200;

export class EdnReader {
  readonly #text: string;
  #at = 0;
  #line: number;
  #depth = 0;

  /** `line`: the number of the text's first line. */
  constructor(text: string, line = 1) {
    this.#text = text;
    this.#line = line;
  }

  /**
   * The next form; null at the end of the text.
   * @throws LockstepError `invalid`, with `line` in its values, for what is no EDN.
   */
  next(): EdnForm | null {
    this.#skip();
    if (this.#at >= this.#text.length) return null;
    const line = this.#line;
    return { value: this.#form(), line };
  }

  /** White space, commas, comments, and forms that `#_` discards. */
  #skip(): void {
    for (;;) {
      const character = this.#text[this.#at];
      if (character === '\n') this.#line++;
      if (character === ';') while (this.#at < this.#text.length && this.#text[this.#at] !== '\n') this.#at++;
      else if (character === '#' && this.#text[this.#at + 1] === '_') {
        this.#at += 2;
        this.#skip();
        this.#form();
      } else if (character !== undefined && /[\s,]/.test(character)) this.#at++;
      else return;
    }
  }

  #form(): unknown {
    const character = this.#text[this.#at];
    switch (character) {
      case undefined:
        throw this.#refused('the text ends within a form');
      case '[':
      case '(':
        return this.#items(character);
      case '{':
        return this.#map();
      case '"':
        return this.#string();
      case '#':
        return this.#tagged();
      case ']':
      case ')':
      case '}':
        throw this.#refused(`there is a ${character} that nothing opened`);
      default:
        return this.#atom();
    }
  }

  #items(open: string): readonly unknown[] {
    const close = closing[open] ?? ']';
    if (++this.#depth > depthMax) throw this.#refused('forms are nested too deep');
    this.#at++;
    const items: unknown[] = [];
    for (this.#skip(); this.#text[this.#at] !== close; this.#skip()) items.push(this.#form());
    this.#at++;
    this.#depth--;
    return items;
  }

  #map(): Readonly<Record<string, unknown>> {
    const items = this.#items('{');
    if (items.length % 2 !== 0) throw this.#refused('a map has a key without a value');
    const entries: [string, unknown][] = [];
    for (let at = 0; at < items.length; at += 2) {
      const key = items[at];
      entries.push([printValue(key), items[at + 1]]);
    }
    return Object.fromEntries(entries);
  }

  #string(): string {
    const match = /"(?:[^"\\]|\\[\s\S])*"/y;
    match.lastIndex = this.#at;
    const found = match.exec(this.#text)?.[0];
    if (found === undefined) throw this.#refused('a string does not end');
    this.#at += found.length;
    this.#line += found.split('\n').length - 1;
    try {
      return JSON.parse(found.replaceAll('\n', '\\n').replaceAll('\t', '\\t').replaceAll('\r', '\\r')) as string;
    } catch (cause) {
      throw this.#refused('a string has an escape that is none', cause);
    }
  }

  /** `#{…}` is a set; of `#tag form` the form is kept. */
  #tagged(): unknown {
    if (this.#text[this.#at + 1] === '{') {
      this.#at++;
      return this.#items('{');
    }
    const tag = this.#token();
    if (tag === '##NaN' || tag === '##Inf' || tag === '##-Inf') return tag.slice(2);
    this.#skip();
    return this.#form();
  }

  #atom(): unknown {
    const token = this.#token();
    if (token === 'nil') return null;
    if (token === 'true' || token === 'false') return token === 'true';
    if (/^[+-]?\d+N?$/.test(token)) {
      const exact = BigInt(token.replace(/^\+|N$/g, ''));
      return Number.isSafeInteger(Number(exact)) ? Number(exact) : exact;
    }
    if (/^[+-]?\d+(\.\d*)?([eE][+-]?\d+)?M?$/.test(token)) return Number(token.replace(/M$/, ''));
    return token.startsWith(':') || token.startsWith('\\') ? token.slice(1) : token;
  }

  #token(): string {
    const start = this.#at;
    if (this.#text[this.#at] === '\\') this.#at += 2;
    while (this.#at < this.#text.length && !/[\s,;"()[\]{}]/.test(this.#text[this.#at] ?? ' ')) this.#at++;
    return this.#text.slice(start, this.#at);
  }

  #refused(what: string, cause?: unknown): LockstepError {
    return new LockstepError('invalid', what, { values: { line: this.#line }, cause });
  }
}
