/**
 * Small whole numbers for plain data: equal values have one number, so that states and calls are compared and hashed as
 * integers. Objects of a class of their own are told apart by reference, which costs time and never changes a verdict.
 */
export class Interner {
  readonly #primitives = new Map<unknown, number>();
  readonly #composites = new Map<string, number>();
  readonly #references = new Map<object, number>();
  readonly #values: unknown[] = [];
  #textLength = 0;

  /** The number of this value, from 0 in the order in which values come. */
  idOf(value: unknown): number {
    if (typeof value !== 'object' || value === null) return this.#given(this.#primitives, value, value);
    const text = this.#textOf(value);
    const before = this.#values.length;
    const id = this.#given(this.#composites, text, value);
    if (this.#values.length > before) this.#textLength += text.length;
    return id;
  }

  valueOf(id: number): unknown {
    return this.#values[id];
  }

  get count(): number {
    return this.#values.length;
  }

  /** Roughly how many bytes it holds; the values themselves are counted as large as their text. */
  get bytes(): number {
    return this.#values.length * 64 + this.#textLength * 3;
  }

  #given<K>(ids: Map<K, number>, key: K, value: unknown): number {
    const known = ids.get(key);
    if (known !== undefined) return known;
    const id = this.#values.length;
    ids.set(key, id);
    this.#values.push(value);
    return id;
  }

  /** A text that two values share only when they are equal: every part says its type and where it ends. */
  #textOf(value: unknown): string {
    switch (typeof value) {
      case 'string':
        return JSON.stringify(value);
      case 'number':
      case 'boolean':
      case 'undefined':
        return String(value);
      case 'bigint':
        return `${value}n`;
      case 'object':
        return value === null ? 'null' : this.#textOfObject(value);
      default:
        throw new TypeError(`a ${typeof value} is no data: a history and a state are made of plain values`);
    }
  }

  #textOfObject(value: object): string {
    if (Array.isArray(value)) return `[${value.map((item) => this.#textOf(item)).join(',')}]`;
    if (value instanceof Map) return `M[${[...value].map((item) => this.#textOf(item)).join(',')}]`;
    if (value instanceof Set) return `S[${[...value].map((item) => this.#textOf(item)).join(',')}]`;
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype !== Object.prototype && prototype !== null) return this.#referenceOf(value);
    const parts = Object.entries(value)
      .toSorted(([left], [right]) => (left < right ? -1 : 1))
      .map(([key, item]) => `${JSON.stringify(key)}:${this.#textOf(item)}`);
    return `{${parts.join(',')}}`;
  }

  #referenceOf(value: object): string {
    const known = this.#references.get(value) ?? this.#references.size;
    this.#references.set(value, known);
    return `R${known}`;
  }
}
