/**
 * Rows of events packed into one value, for streams that are over. What rows have in common is written once: who asked and
 * why, which types there are in which shape; times and revisions are differences; ids are bytes; and as the data of all
 * events stands in one list, the codec writes the names of equal fields once. What is sealed stays sealed.
 *
 *     [contexts, kinds, rows, data, sealed]
 *     contexts  [[actor, correlationId, causationId, trace], …]
 *     kinds     [[type, shape, whether it has data], …]
 *     rows      [revision, at, context, commandId, events, kind, …, revision, …]: revision and at by the row before
 *     data      of the events that have some
 *     sealed    [row, sealed, …]
 */
import type { StoredValue } from '../bytes/value-format.ts';
import { LockstepError } from '../kernel/errors.ts';
import { hexAt, putHex } from '../log/chain.ts';

/** Rows as `event-row.ts` stores them, the next one of a stream behind the other. */
export function chunkOf(rows: readonly StoredValue[]): StoredValue {
  const contexts = new Distinct();
  const kinds = new Distinct();
  const packed: StoredValue[] = [];
  const data: StoredValue[] = [];
  const allSealed: StoredValue[] = [];
  let before = { revision: 0, at: 0 };
  for (const [index, row] of rows.entries()) {
    const [revision, at, actor, commandId, correlation, causation, trace, events, sealed] = listIn(row);
    const context = contexts.indexOf([valueIn(actor), valueIn(correlation), valueIn(causation), valueIn(trace)]);
    const now = { revision: numberIn(revision), at: numberIn(at) };
    const all = listIn(events);
    packed.push(now.revision - before.revision, now.at - before.at, context, packedId(textIn(commandId)), all.length);
    before = now;
    for (const event of all) {
      const [type, shape, value] = listIn(event);
      packed.push(kinds.indexOf([valueIn(type), valueIn(shape), value !== undefined]));
      if (value !== undefined) data.push(value);
    }
    if (sealed !== undefined) allSealed.push(index, sealed);
  }
  return [contexts.all, kinds.all, packed, data, allSealed];
}

/** A row again, as it was stored. */
export interface ChunkedRow {
  readonly firstVersion: number;
  readonly stored: StoredValue;
}

/**
 * The rows of a chunk whose first version is `from` or higher; that of the first one is `first`.
 * @throws LockstepError `corrupt`.
 */
export function* chunkedRows(chunk: StoredValue, first: number, from: number = first): Iterable<ChunkedRow> {
  const [contexts, kinds, packed, data, sealed] = listIn(chunk).map(listIn);
  if (contexts === undefined || kinds === undefined || packed === undefined || data === undefined) throw unreadable();
  let [revision, ms, dataAt, sealedAt, firstVersion] = [0, 0, 0, 0, first];
  for (let index = 0, at = 0; at < packed.length; index++) {
    revision += numberIn(packed[at]);
    ms += numberIn(packed[at + 1]);
    const kindsAt = at + rowItems;
    const count = numberIn(packed[at + 4]);
    const ofRow = packed.slice(kindsAt, kindsAt + count).map((kind) => listIn(kinds[numberIn(kind)]));
    const ownSealed = sealed?.[sealedAt] === index ? valueIn(sealed[sealedAt + 1]) : null;
    if (firstVersion >= from) {
      let own = dataAt;
      const events = ofRow.map(([type, shape, hasData]): StoredValue => {
        const event = [valueIn(type), valueIn(shape)];
        return hasData === true ? [...event, valueIn(data[own++])] : event;
      });
      const [actor, ...why] = listIn(contexts[numberIn(packed[at + 2])]);
      const row = [revision, ms, valueIn(actor), unpackedId(packed[at + 3]), ...why, events];
      yield { firstVersion, stored: ownSealed === null ? row : [...row, ownSealed] };
    }
    for (const [, , hasData] of ofRow) if (hasData === true) dataAt++;
    if (ownSealed !== null) sealedAt += 2;
    firstVersion += count;
    at = kindsAt + count;
  }
}

/** Before the kinds of its events. */
const rowItems = 5;

/** Lists of plain parts, each once, by where they stand. */
class Distinct {
  readonly all: StoredValue[][] = [];
  readonly #found = new Map<string, number>();

  indexOf(parts: StoredValue[]): number {
    const text = JSON.stringify(parts);
    const found = this.#found.get(text);
    if (found !== undefined) return found;
    this.#found.set(text, this.all.length);
    return this.all.push(parts) - 1;
  }
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** A UUID, as most ids are, takes 16 bytes; any other text stays. */
function packedId(id: string): StoredValue {
  if (!uuid.test(id)) return id;
  const bytes = new Uint8Array(16);
  putHex(bytes, 0, id.replaceAll('-', ''));
  return bytes;
}

function unpackedId(packed: StoredValue | undefined): string {
  if (!(packed instanceof Uint8Array)) return textIn(packed);
  if (packed.length !== 16) throw unreadable();
  const digits = hexAt(packed, 0);
  return [digits.slice(0, 8), digits.slice(8, 12), digits.slice(12, 16), digits.slice(16, 20), digits.slice(20)].join(
    '-',
  );
}

function listIn(value: StoredValue | undefined): readonly StoredValue[] {
  if (Array.isArray(value)) return value;
  throw unreadable();
}

function numberIn(value: StoredValue | undefined): number {
  if (typeof value === 'number') return value;
  throw unreadable();
}

function textIn(value: StoredValue | undefined): string {
  if (typeof value === 'string') return value;
  throw unreadable();
}

function valueIn(value: StoredValue | undefined): StoredValue {
  if (value !== undefined) return value;
  throw unreadable();
}

const unreadable = (): LockstepError =>
  new LockstepError('corrupt', 'a chunk of archived events is not what was written');
