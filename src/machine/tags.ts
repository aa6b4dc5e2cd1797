/**
 * Tags of events, and appends on a condition over them: what is asked for happens only if no newer event has these tags
 * ("dynamic consistency boundary", https://dcb.events). So a rule may span the streams of a place without one stream for all.
 *
 *     place  machine-tags  [tag, revision]  → [machine, key, firstVersion, [[offset, type, tag, …], …]]
 *
 * An entry is of one command's events, each with its place among them; those without tags are left out. Tags are of when the event was stored.
 */
import type { StoredValue } from '../bytes/value-format.ts';
import { LockstepError } from '../kernel/errors.ts';
import { revisionHere } from '../partition/token-here.ts';
import type { ReadSpace, Rejection, Transaction } from '../partition/transaction.ts';
import type { AnyMachine, EventQuery, NoneSince } from './definition.ts';
import type { EventRow, RowPlace } from './event-row.ts';

export const tagsSystem = 'machine-tags';

/** An event that has come since. */
export interface FoundEvent {
  readonly machine: string;
  readonly key: string;
  readonly type: string;
}

/** The condition does not hold: the transaction is refused. */
export type Overtaken = Rejection<'overtaken', { readonly event: FoundEvent }>;

interface TaggedEvent {
  /** From 0, among the events of its command. */
  readonly offset: number;
  readonly type: string;
  readonly tags: readonly string[];
}

interface TaggedRow extends RowPlace {
  readonly revision: number;
  readonly events: readonly TaggedEvent[];
}

export const tagLimits: Readonly<{ tagsMax: number; tagUnitsMax: number; queriesMax: number; rowsMax: number }> =
  Object.freeze({
    /** Of one event, and of one query. */
    tagsMax: 20,
    tagUnitsMax: 200,
    queriesMax: 20,
    /** Commands' entries that one query looks through. */
    rowsMax: 10_000,
  });

/** Part of the transaction that stores the events. @throws LockstepError `misuse` for tags that are none; what `tags` throws. */
export function indexTags(tx: Transaction, machine: AnyMachine, row: EventRow): void {
  const { tagsOf } = machine['~machine'];
  if (tagsOf === null) return;
  const tagged: StoredValue[] = [];
  const all = new Set<string>();
  for (const [offset, event] of row.events.entries()) {
    const tags = tagsOf(event);
    checkTags(tags, { event: `${machine.name}.${event.type}` });
    if (tags.length > 0) tagged.push([offset, event.type, ...tags]);
    for (const tag of tags) all.add(tag);
  }
  const space = tx.system(tagsSystem, 'place');
  const entry: StoredValue = [row.machine, row.key, row.firstVersion, tagged];
  for (const tag of all) space.set([tag, row.revision], entry);
}

/**
 * Null: the condition holds. Only events of the transaction's place are looked at.
 * @throws LockstepError `misuse` for a condition that is none; `invalid` for a token of another partition; `overloaded` when
 * too many events came since.
 */
export function overtakenBy(tx: Transaction, { queries, after }: NoneSince): Overtaken | null {
  checkQueries(queries);
  const revision = after === 'start' ? 0 : revisionHere(tx, after);
  const space = tx.system(tagsSystem, 'place');
  for (const query of queries)
    for (const { machine, key, events } of taggedRows(space, query, revision)) {
      const found = events.find((event) => fitsQuery(event, query));
      if (found === undefined) continue;
      const event = { machine, key, type: found.type };
      return { kind: 'rejected', code: 'overtaken', details: { event } };
    }
  return null;
}

/** Events of a place that one of the queries finds, by their rows, in the order in which they came about, each once. */
export function rowsTagged(space: ReadSpace, queries: readonly EventQuery[], after: number): readonly TaggedRow[] {
  checkQueries(queries);
  const found = new Map<number, TaggedRow>();
  const isFound = (event: TaggedEvent): boolean => queries.some((query) => fitsQuery(event, query));
  for (const query of queries)
    for (const row of taggedRows(space, query, after)) {
      const events = row.events.filter(isFound);
      if (events.length > 0) found.set(row.revision, { ...row, events });
    }
  return [...found.values()].toSorted((a, b) => a.revision - b.revision);
}

/** Those with the first of its tags, after a revision. */
function* taggedRows(space: ReadSpace, { tags: [tag = ''] }: EventQuery, after: number): Iterable<TaggedRow> {
  let count = 0;
  for (const [at, value] of space.range({ prefix: [tag], from: [tag, after + 1] })) {
    if (++count > tagLimits.rowsMax)
      throw new LockstepError('overloaded', 'too many events have this tag', {
        values: { tag, rowsMax: tagLimits.rowsMax },
        advice: ['begin after a newer token, or give the narrowest tag first'],
      });
    yield decodeTagged(Number(at[1]), value);
  }
}

const fitsQuery = ({ type, tags }: TaggedEvent, query: EventQuery): boolean =>
  query.tags.every((tag) => tags.includes(tag)) && (query.types?.includes(type) ?? true);

function decodeTagged(revision: number, value: StoredValue): TaggedRow {
  const [machine, key, firstVersion, events] = Array.isArray(value) ? value : [];
  if (
    typeof machine !== 'string' ||
    typeof key !== 'string' ||
    typeof firstVersion !== 'number' ||
    !Array.isArray(events)
  )
    throw unreadable();
  const tagged = events.map((event): TaggedEvent => {
    const [offset, type, ...tags] = Array.isArray(event) ? event : [];
    const areTags = tags.every((tag) => typeof tag === 'string');
    if (typeof offset !== 'number' || typeof type !== 'string' || !areTags) throw unreadable();
    return { offset, type, tags };
  });
  return { machine, key, firstVersion, revision, events: tagged };
}

const unreadable = (): LockstepError => new LockstepError('corrupt', 'an entry of tags is not what was written');

function checkQueries(queries: readonly EventQuery[]): void {
  const { queriesMax } = tagLimits;
  if (queries.length === 0 || queries.length > queriesMax)
    throw new LockstepError('misuse', `a condition has 1 to ${queriesMax} queries`, {
      values: { queries: queries.length },
    });
  for (const { tags } of queries) {
    if (tags.length === 0) throw new LockstepError('misuse', 'a query names at least one tag');
    checkTags(tags, {});
  }
}

function checkTags(tags: readonly string[], values: Readonly<Record<string, string>>): void {
  const { tagsMax, tagUnitsMax } = tagLimits;
  const isTag = (tag: string): boolean => tag.length > 0 && tag.length <= tagUnitsMax && tag.isWellFormed();
  if (tags.length <= tagsMax && tags.every(isTag)) return;
  throw new LockstepError('misuse', `there are up to ${tagsMax} tags, each a text of 1 to ${tagUnitsMax} characters`, {
    values: { ...values, tags: tags.length },
  });
}
