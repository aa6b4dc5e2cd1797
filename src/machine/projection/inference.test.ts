/**
 * What the compiler infers of projections and queries, and what it refuses. A line under `@ts-expect-error` that compiled
 * would fail the suite `types`; what only the compiler looks at stands in functions that nobody calls.
 */
import { describe, expect, expectTypeOf, test } from 'vitest';
import { order, schema, shipment } from '../../../test/models/shop.ts';
import type { Answer, Connection } from '../connection.ts';
import type { Projection, Query } from '../part.ts';
import { unchecked, type Input } from '../schema.ts';
import { projection } from './projection.ts';
import { query } from './query.ts';
import type { Page, PageEnd, RowReader } from './row-reader.ts';

const misuse: unknown = expect.objectContaining({ kind: 'misuse' });
const compiled = (_wrong: () => unknown): void => undefined;
declare const shop: Connection;

type Status = 'placed' | 'paid' | 'canceled';
interface Row {
  readonly id: string;
  readonly tenant: string;
  readonly status: Status;
  readonly total: number;
  readonly placedAt: Date;
}

const orders = projection({
  name: 'orders',
  from: { order },
  row: unchecked<Row>(),
  indexes: { byStatus: (row) => [row.tenant, row.status, row.placedAt], byTotal: (row) => [row.total] },
  on: {
    order: {
      Placed: ({ key, place, at, data }, rows) =>
        rows.set(key, { id: key, tenant: place, status: 'placed', total: data.total, placedAt: at }),
      Paid: ({ key }, rows) => rows.update(key, (row) => ({ ...row, status: 'paid' })),
      Canceled: ({ key }, rows) => rows.update(key, (row) => ({ ...row, status: 'canceled' })),
    },
  },
});

/** What is asked has a default, so that what `run` is given is another type. */
const asked = schema(({ tenant, limit = 50 }: { tenant: string; limit?: number }) => ({ tenant, limit }));

const placed = query({
  name: 'placed',
  input: asked,
  reads: { orders },
  at: ({ tenant }) => tenant,
  run: ({ orders: table }, { tenant, limit }) => table.list('byStatus', { prefix: [tenant, 'placed'], limit }),
});

type Indexes = { byStatus: [string, Status, Date]; byTotal: [number] };
type Orders = RowReader<Row, Indexes>;

describe('inferred without a type argument', () => {
  test('rows and indexes, whose inline tuples keep their parts', () => {
    expectTypeOf(orders).toExtend<Projection<'orders', Row, Indexes>>();
    expectTypeOf<NonNullable<(typeof orders)['~types']>['indexes']>().toEqualTypeOf<Indexes>();
    const bare = projection({ name: 'bare', from: { order }, row: unchecked<Row>(), on: {} });
    expectTypeOf(bare).toExtend<Projection<'bare', Row, {}>>();
  });

  test('what a query is asked and answers', () => {
    expectTypeOf(placed).toExtend<Query<'placed', Input<typeof asked>, readonly Row[]>>();
    compiled(async () => {
      const answer = await shop.query(placed, { tenant: 'acme' });
      expectTypeOf(answer).toEqualTypeOf<Answer<readonly Row[]>>();
      for await (const { value } of shop.watch(placed, { tenant: 'acme', limit: 1 }))
        expectTypeOf(value).toEqualTypeOf<readonly Row[]>();
    });
  });

  test('events and rows of a handler, literals among them, of several machines', () => {
    compiled(() =>
      projection({
        name: 'parcels',
        from: { order, parcel: shipment },
        row: unchecked<{ state: 'ordered' | 'sent'; carrier: string | null }>(),
        on: {
          order: {
            Placed: ({ key, data }, rows) => {
              expectTypeOf(data).toEqualTypeOf<{ total: number; currency: string }>();
              expectTypeOf(rows.get(key)?.state).toEqualTypeOf<'ordered' | 'sent' | undefined>();
              rows.set(key, { state: 'ordered', carrier: null });
            },
          },
          parcel: { HandedOver: ({ key, data }, rows) => rows.set(key, { state: 'sent', carrier: data.carrier }) },
        },
      }),
    );
  });
});

describe('does not compile', () => {
  const base = { name: 'wrong', from: { order }, row: unchecked<Row>() } as const;

  test('a handler that is asynchronous, returns something, or writes another row', () => {
    // @ts-expect-error its writes would come too late
    compiled(() => projection({ ...base, on: { order: { Paid: async ({ key }, rows) => rows.delete(key) } } }));
    // @ts-expect-error nobody looks at what it returns
    compiled(() => projection({ ...base, on: { order: { Paid: ({ key }) => key } } }));
    const on = { order: {} };
    compiled(() =>
      projection({
        ...base,
        // @ts-expect-error no such status
        on: { order: { Paid: ({ key }, rows) => rows.update(key, (row) => ({ ...row, status: 'lost' })) } },
      }),
    );
    // @ts-expect-error rows cannot be listed by what has no order
    compiled(() => projection({ ...base, on, indexes: { byRow: (row) => [row] } }));
  });

  test('an event that the machine does not make, and a machine that it is not from', () => {
    // @ts-expect-error the machine makes no such event
    compiled(() => projection({ ...base, on: { order: { Lost: () => undefined } } }));
    // @ts-expect-error it is not from this machine
    compiled(() => projection({ ...base, on: { shipment: {} } }));
  });

  test('an unknown index, a prefix of another type or too long, no limit', () => {
    compiled(() => (table: Orders, next: PageEnd) => {
      expectTypeOf(table.page('byTotal', { limit: 1, after: next })).toEqualTypeOf<Page<Row>>();
      table.list('byStatus', { prefix: ['acme'], from: ['acme', 'paid'], limit: 1 });
      // @ts-expect-error no such index
      table.list('byNothing', { limit: 1 });
      // @ts-expect-error totals are numbers
      table.list('byTotal', { prefix: ['1'], limit: 1 });
      // @ts-expect-error no such status
      table.list('byStatus', { prefix: ['acme', 'lost'], limit: 1 });
      // @ts-expect-error the index has one part
      table.list('byTotal', { prefix: [1, 2], limit: 1 });
      // @ts-expect-error everything has a limit
      table.list('byTotal', {});
    });
  });

  test('a query that does not say where it runs, merges something else, is asked something else', () => {
    const where = { name: 'nowhere', input: asked, reads: { orders } } as const;
    // @ts-expect-error neither a place nor how parts merge
    compiled(() => query({ ...where, run: () => 1 }));
    // @ts-expect-error parts are numbers
    compiled(() => query({ ...where, run: () => 1, merge: (parts) => parts.join() }));
    // @ts-expect-error tenants are text
    compiled(() => shop.query(placed, { tenant: 1 }));
    // @ts-expect-error it says nothing of the tenant
    compiled(() => shop.watch(placed, {}));
  });
});

test('handlers of what does not happen are refused without a compiler too', () => {
  const base = { name: 'wrong', from: { order }, row: unchecked<Row>() };
  for (const on of [{ ordre: {} }, { order: { Lost: () => undefined } }] as object[])
    expect(() => projection({ ...base, on })).toThrow(misuse);
  expect(() => projection({ ...base, name: 'not a name', on: {} })).toThrow(misuse);
  expect(() => projection({ ...base, codeVersion: 0, on: {} })).toThrow(misuse);
});
