/** Projections on a real partition in a calm world: rows and indexes are a fold over events, a throw leaves no trace. */
import fc from 'fast-check';
import { calm, simulate } from 'lockstep/sim';
import { describe, expect, test } from 'vitest';
import { memoryEngine } from '../../log/memory.ts';
import { openPartition } from '../../partition/open-partition.ts';
import type { Space, Transaction } from '../../partition/transaction.ts';
import { machine } from '../machine.ts';
import { nothing, unchecked } from '../schema.ts';
import { applyRow, targetIn, type Applied, type RowsTarget } from './apply.ts';
import { projection } from './projection.ts';
import { ReadCount, SpaceRowReader, type Page, type PageEnd, type RowReader } from './row-reader.ts';
import { WriteMeasure } from './rows.ts';
import { idOf, rowsSystem } from './state.ts';

const order = machine({
  name: 'order',
  initial: () => ({ open: false }),
  commands: {},
  events: { Placed: unchecked<number>(), Raised: unchecked<number>(), Gone: nothing, Odd: unchecked<string>() },
  decide: {},
  evolve: {
    Placed: () => ({ open: true }),
    Raised: (state) => state,
    Gone: () => ({ open: false }),
    Odd: (state) => state,
  },
});

interface OrderRow {
  readonly id: string;
  readonly total: number;
  readonly large: boolean;
}
const rowOf = (id: string, total: number): OrderRow => ({ id, total, large: total >= 10 });

const orders = projection({
  name: 'orders',
  from: { order },
  row: unchecked<OrderRow>(),
  indexes: { byTotal: (row) => [row.total], bySize: (row) => [row.large, row.total] },
  on: {
    order: {
      Placed: ({ key, data }, rows) => rows.set(key, rowOf(key, data)),
      Raised: ({ key, data }, rows) => rows.update(key, ({ id, total }) => rowOf(id, total + data)),
      Gone: ({ key }, rows) => rows.delete(key),
      Odd: ({ key, data }, rows) => {
        if (data === 'throws') throw new Error('cannot');
        if (data === 'large') return rows.set(key, { ...rowOf(key, 1), id: key.repeat(1_001) });
        // What no index can hold: found out at the end.
        rows.set(key, { ...rowOf(key, 1), total: Symbol(data) as unknown as number });
      },
    },
  },
});

type OrdersReader = RowReader<OrderRow, { byTotal: readonly [number]; bySize: readonly [boolean, number] }>;
interface Happened {
  readonly key: string;
  readonly type: string;
  readonly data?: unknown;
}

/** As one command's. */
function appliedTo(target: RowsTarget, tx: Transaction, happened: readonly Happened[]): Applied {
  const [{ key } = { key: 'a' }] = happened;
  const about = { actor: 'ann', commandId: 'c', correlationId: 'c', causationId: null, trace: null };
  const events = happened.map(({ type, data }) => ({ type, data, shape: 1, at: new Date(0) }));
  const row = { machine: 'order', key, firstVersion: 1, revision: tx.revision, ...about, events };
  return applyRow(target, order, row);
}

function applied(tx: Transaction, happened: readonly Happened[]): Applied {
  const target = targetIn(tx, orders, new WriteMeasure(1_000));
  const outcome = appliedTo(target, tx, happened);
  target.rows.write();
  return outcome;
}

const rowsOf = (tx: Transaction): Space => tx.system(rowsSystem(idOf(orders)), 'local');

const readerOf = (space: Space): OrdersReader =>
  new SpaceRowReader(space, orders['~projection'].indexes, new ReadCount()) as OrdersReader;

/** Each call of what `play` is given runs in a transaction of its own. */
async function inWorld(play: (run: (act: (tx: Transaction) => undefined) => Promise<void>) => Promise<void>) {
  await simulate({ seeds: 1, twice: false, weather: calm }, async (world) => {
    await world.run('node', async (env) => {
      const engine = memoryEngine(env);
      const log = (await engine.open('log', { create: true })) ?? expect.unreachable();
      const about = { log, payloadBytesMax: 1_000_000, directory: 'state', owner: 'node' };
      const partition = await openPartition(env, about);
      await partition.leading();
      await play(async (act) => {
        const outcome = await partition.transact(null, act);
        expect(outcome.kind).toBe('committed');
      });
      await partition.close();
      await engine.close();
    });
  });
}

const eventOf = fc.oneof(
  fc.record({ type: fc.constantFrom('Placed', 'Raised'), data: fc.nat(20) }),
  fc.record({ type: fc.constant('Gone') }),
);
/** The events of one command: all of one instance. */
const commandOf = fc
  .tuple(fc.constantFrom('a', 'b', 'c', 'd'), fc.array(eventOf, { minLength: 1, maxLength: 4 }))
  .map(([key, events]) => events.map((event): Happened => ({ key, ...event })));

/** What the events of one command make, or null: one of them raises what is not there. */
function folded(before: ReadonlyMap<string, OrderRow>, happened: readonly Happened[]): Map<string, OrderRow> | null {
  const rows = new Map(before);
  for (const { key, type, data } of happened) {
    const row = rows.get(key);
    if (type === 'Placed') rows.set(key, rowOf(key, Number(data)));
    else if (type === 'Gone') rows.delete(key);
    else if (row === undefined) return null;
    else rows.set(key, rowOf(key, row.total + Number(data)));
  }
  return rows;
}

const sorted = (rows: Iterable<OrderRow>): OrderRow[] =>
  [...rows].sort((a, b) => a.total - b.total || (a.id < b.id ? -1 : 1));

describe('rows of a projection', () => {
  test('and their indexes equal a fold over the events, those that stop it left out whole', async () => {
    await inWorld(async (run) => {
      // So many commands' rows are written together.
      const commands = fc.array(fc.array(commandOf, { maxLength: 6 }), { maxLength: 4 });
      const property = fc.asyncProperty(commands, (all) =>
        run((tx) => {
          const space = rowsOf(tx);
          space.deleteRange({ prefix: [] });
          let expected: ReadonlyMap<string, OrderRow> = new Map();
          for (const together of all) {
            const target = targetIn(tx, orders, new WriteMeasure());
            for (const happened of together) {
              const next = folded(expected, happened);
              expect(appliedTo(target, tx, happened).kind).toBe(next === null ? 'stopped' : 'applied');
              expected = next ?? expected;
            }
            target.rows.write();
          }
          const reader = readerOf(space);
          const inOrder = sorted(expected.values());
          expect(reader.list('byTotal', { limit: 10 })).toEqual(inOrder);
          expect(reader.list('byTotal', { limit: 2, reverse: true })).toEqual(inOrder.toReversed().slice(0, 2));
          expect(reader.list('bySize', { prefix: [true], limit: 10 })).toEqual(inOrder.filter(({ large }) => large));
          const between = { from: [5], to: [15], limit: 10 } as const;
          expect(reader.list('byTotal', between)).toEqual(inOrder.filter(({ total }) => total >= 5 && total < 15));
          expect([...space.range({ prefix: ['index'] })]).toHaveLength(2 * expected.size);
        }),
      );
      await fc.assert(property, { numRuns: 60 });
    });
  });

  test('are as before when a handler throws or makes what cannot be stored', async () => {
    await inWorld((run) =>
      run((tx) => {
        const space = rowsOf(tx);
        expect(applied(tx, [{ key: 'a', type: 'Placed', data: 3 }])).toEqual({ kind: 'applied' });
        const before = [...space.range()];
        const raised = { key: 'a', type: 'Raised', data: 1 };
        for (const data of ['throws', 'unstorable', 'large'])
          expect(applied(tx, [raised, { key: 'a', type: 'Odd', data }])).toMatchObject({
            kind: 'stopped',
            event: { version: 2 },
          });
        expect([...space.range()]).toEqual(before);
      }),
    );
  });

  test('that a handler reads and changes by hand stay as they are for the commands behind it', async () => {
    const careless = projection({
      name: 'careless',
      from: { order },
      row: unchecked<{ total: number }>(),
      indexes: { byTotal: (row) => [row.total] },
      on: {
        order: {
          Placed: ({ key, data }, rows) => rows.set(key, { total: data }),
          Gone: ({ key }, rows) => {
            const row = rows.get(key);
            if (row !== undefined) row.total = 99;
          },
          Raised: ({ key, data }, rows) => rows.update(key, ({ total }) => ({ total: total + data })),
        },
      },
    });
    await inWorld((run) =>
      run((tx) => {
        const target = targetIn(tx, careless, new WriteMeasure());
        for (const type of ['Placed', 'Gone', 'Raised']) appliedTo(target, tx, [{ key: 'a', type, data: 1 }]);
        target.rows.write();
        const space = tx.system(rowsSystem(idOf(careless)), 'local');
        expect([...space.range()]).toEqual([
          [['index', 'byTotal', 2, 'a'], null],
          [['row', 'a'], { total: 2 }],
        ]);
      }),
    );
  });

  test('stay as they are for events that it does not handle', async () => {
    await inWorld((run) =>
      run((tx) => {
        const space = rowsOf(tx);
        expect(applied(tx, [{ key: 'a', type: 'Unknown' }])).toEqual({ kind: 'applied' });
        expect([...space.range()]).toEqual([]);
      }),
    );
  });
});

describe('rows of an index', () => {
  const totals = { a: 3, b: 12, c: 3, d: 7, e: 20 };
  const place = (tx: Transaction): OrdersReader => {
    for (const [key, data] of Object.entries(totals)) applied(tx, [{ key, type: 'Placed', data }]);
    return readerOf(rowsOf(tx));
  };

  test('come by pages, in either direction and within bounds; each ends where the next goes on', async () => {
    await inWorld((run) =>
      run((tx) => {
        const reader = place(tx);
        for (const options of [{}, { reverse: true }, { from: [4] as const, to: [20] as const }]) {
          const pages: (readonly OrderRow[])[] = [];
          for (let after: PageEnd | null = null; pages.length === 0 || after !== null;) {
            const page: Page<OrderRow> = reader.page('byTotal', { ...options, limit: 2, after });
            pages.push(page.rows);
            after = page.next;
          }
          expect(pages.flat()).toEqual(reader.list('byTotal', { ...options, limit: 10 }));
          expect(pages.slice(0, -1).every(({ length }) => length === 2)).toBe(true);
        }
      }),
    );
  });

  test('that stay where they are come once, whatever is written between two pages', async () => {
    await inWorld((run) =>
      run((tx) => {
        const reader = place(tx);
        const first = reader.page('byTotal', { limit: 2 });
        expect(first.rows.map(({ id }) => id)).toEqual(['a', 'c']);
        applied(tx, [{ key: 'c', type: 'Gone' }]); // where the page ended
        applied(tx, [{ key: '0', type: 'Placed', data: 1 }]);
        const second = reader.page('byTotal', { limit: 5, after: first.next });
        expect(second).toEqual({ rows: [rowOf('d', 7), rowOf('b', 12), rowOf('e', 20)], next: null });
      }),
    );
  });

  test('are refused for what is no limit and no end of a page of that index', async () => {
    await inWorld((run) =>
      run((tx) => {
        const reader = place(tx);
        const invalid: unknown = expect.objectContaining({ kind: 'invalid' });
        for (const limit of [0, -1, 1.5, Number.NaN, 10_001])
          expect(() => reader.list('byTotal', { limit })).toThrow(invalid);
        const { next } = reader.page('byTotal', { limit: 1 });
        for (const after of [next, 'zz' as PageEnd, '00' as PageEnd, '' as PageEnd])
          expect(() => reader.page('bySize', { limit: 1, after })).toThrow(invalid);
      }),
    );
  });
});
