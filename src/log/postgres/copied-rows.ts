/**
 * A read as PostgreSQL's binary COPY: bytes come as they are. The clients' other way is text, two digits a byte, which a
 * reader of large records spent most of its time on. Format: PostgreSQL's documentation, "COPY", "Binary Format".
 */
import { LockstepError } from '../../kernel/errors.ts';
import type { SqlRow } from './sql-client.ts';

const signature: readonly number[] = [0x50, 0x47, 0x43, 0x4f, 0x50, 0x59, 0x0a, 0xff, 0x0d, 0x0a, 0x00];

/** What `pg` asks of a query that is none of its own, as `pg-copy-streams` is one. It calls these by name. */
export class CopyQuery {
  readonly text: string;
  readonly rows: Promise<readonly SqlRow[]>;
  readonly #end = Promise.withResolvers<readonly SqlRow[]>();
  readonly #pieces: Uint8Array[] = [];

  /** Of the statement's columns the last one is `bytea`, all others are text. */
  constructor(statement: string) {
    this.text = `copy (${statement}) to stdout (format binary)`;
    this.rows = this.#end.promise;
  }

  submit(connection: { query(text: string): void }): void {
    connection.query(this.text);
  }

  /** Takes a copy, as the client uses its buffer again (and `slice` of what it gives is a view). */
  handleCopyData({ chunk }: { readonly chunk: Uint8Array }): void {
    this.#pieces.push(new Uint8Array(chunk));
  }

  handleError(error: unknown): void {
    this.#end.reject(error);
  }

  handleReadyForQuery(): void {
    try {
      this.#end.resolve(rowsOf(joined(this.#pieces)));
    } catch (error) {
      this.#end.reject(error);
    }
  }

  handleCommandComplete(): void {}
  handleRowDescription(): void {}
  handleDataRow(): void {}
  handleEmptyQuery(): void {}
  handlePortalSuspended(): void {}
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

/**
 * The rows in a COPY's bytes: of each the last field as bytes (views of them), the others as text, or null.
 * @throws LockstepError `unavailable` for bytes that end too early or are no COPY.
 */
export function rowsOf(bytes: Uint8Array): readonly SqlRow[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const decoder = new TextDecoder();
  const rows: SqlRow[] = [];
  try {
    if (signature.some((byte, at) => bytes[at] !== byte)) throw notCopied(0);
    let at = signature.length + 4;
    at += 4 + view.getUint32(at);
    for (;;) {
      const count = view.getInt16(at);
      at += 2;
      if (count === -1) return rows;
      const row: unknown[] = [];
      for (let field = 0; field < count; field++) {
        const length = view.getInt32(at);
        at += 4;
        const end = at + Math.max(length, 0);
        if (end > bytes.length) throw notCopied(at);
        const value = bytes.subarray(at, end);
        row.push(length < 0 ? null : field === count - 1 ? value : decoder.decode(value));
        at = end;
      }
      rows.push(row);
    }
  } catch (cause) {
    if (cause instanceof RangeError) throw notCopied(bytes.length);
    throw cause;
  }
}

const notCopied = (offset: number): LockstepError =>
  new LockstepError('unavailable', 'what came from PostgreSQL is no whole COPY', { values: { offset } });
