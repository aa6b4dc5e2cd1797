import { describe, expect, test } from 'vitest';
import { account, order, shipment } from '../../test/models/shop.ts';
import { defineApp } from './app.ts';
import { contractOf, type Contract, type MachineContract } from './contract.ts';
import { fsm } from './fsm.ts';
import { machine } from './machine.ts';
import { assertFits, misfitLines, misfits } from './misfits.ts';
import { projection } from './projection/projection.ts';
import { nothing, unchecked, type Schema } from './schema.ts';
import { versions } from './versions.ts';

/** A schema of an object with these fields, which says its shape, in the order in which they are given. */
function shaped(fields: Readonly<Record<string, string>>): Schema<object> {
  const entries = Object.entries(fields).map(([name, type]) => [name, { type }] as const);
  const required = Object.keys(fields).toSorted();
  const shape = () => ({ $schema: 'draft', type: 'object', properties: Object.fromEntries(entries), required });
  const standard = unchecked<object>()['~standard'];
  return { '~standard': { ...standard, jsonSchema: { input: shape, output: shape } } };
}

const inApp = (...parts: Parameters<typeof defineApp>[0]['parts']): Contract =>
  contractOf(defineApp({ name: 'app', parts }));
const placing = (Placed: Schema, codeVersion = 1) =>
  inApp(
    machine({
      name: 'order',
      codeVersion,
      initial: () => ({}),
      commands: {},
      events: { Placed },
      decide: {},
      evolve: { Placed: (state) => state },
    }),
  );
const texts = (old: Contract, now: Contract): readonly string[] =>
  misfits(old, now).map((one) => `${one.breaks}: ${one.where} ${one.problem}`);

describe('a contract', () => {
  test('is names, shapes and versions as plain data, the same for the same declarations', () => {
    const contract = placing(
      versions(shaped({ total: 'integer' })).next(shaped({ total: 'integer', currency: 'string' }), (old) => old),
    );
    expect(contract).toEqual({
      app: 'app',
      machines: {
        order: {
          codeVersion: 1,
          commands: {},
          events: {
            Placed: [
              { properties: { total: { type: 'integer' } }, required: ['total'], type: 'object' },
              {
                properties: { currency: { type: 'string' }, total: { type: 'integer' } },
                required: ['currency', 'total'],
                type: 'object',
              },
            ],
          },
          table: null,
        } satisfies MachineContract,
      },
      projections: {},
    });
    const other = placing(
      versions(shaped({ total: 'integer' })).next(shaped({ currency: 'string', total: 'integer' }), (old) => old),
    );
    expect(JSON.stringify(other)).toBe(JSON.stringify(contract));
    expect(JSON.parse(JSON.stringify(contract))).toEqual(contract);
  });

  test('of a schema that cannot say its shape has none, and none fits every shape', () => {
    const silent: Schema = {
      '~standard': { ...shaped({})['~standard'], jsonSchema: { input: refuse, output: refuse } },
    };
    expect(placing(silent).machines['order']?.events['Placed']).toEqual([null]);
    expect(texts(placing(silent), placing(shaped({ total: 'integer' })))).toEqual([]);
  });

  test('fits itself, whatever is in it', () => {
    const contract = inApp(account, order, shipment);
    expect(misfits(contract, contract)).toEqual([]);
    expect(() => assertFits(contract, contract)).not.toThrow();
  });
});

const refuse = (): never => {
  throw new Error('no words for a date');
};

describe('what does not fit', () => {
  const old = shaped({ total: 'integer' });
  const newer = shaped({ total: 'integer', currency: 'string' });

  test('a machine or an event that is gone', () => {
    expect(texts(inApp(account, order), inApp(account))).toEqual([
      'stored-events: order is gone, and its streams have no code',
    ]);
    const none = inApp(
      machine({ name: 'order', initial: () => ({}), commands: {}, events: {}, decide: {}, evolve: {} }),
    );
    expect(texts(placing(old), none)).toEqual(['stored-events: order.Placed is gone, and may be stored']);
  });

  test('a new shape without a new version, a shape of history that changed, a newer shape that is unknown here', () => {
    const both = versions(old).next(newer, (event) => event);
    expect(texts(placing(old), placing(newer))).toEqual([
      'stored-events: order.Placed has a new shape and no new version',
    ]);
    expect(texts(placing(old), placing(both))).toEqual([]);
    expect(texts(placing(both), placing(old))).toEqual(['stored-events: order.Placed has 1 shapes, and 2 are stored']);
    const rewritten = versions(newer).next(newer, (event) => event);
    expect(texts(placing(both), placing(rewritten))).toEqual([
      'stored-events: order.Placed has another shape 1 than what is stored',
    ]);
  });

  test('a codeVersion that was lower before', () => {
    expect(texts(placing(old, 2), placing(old, 1))).toEqual(['states: order has codeVersion 1, and 2 has run']);
    expect(texts(placing(old, 1), placing(old, 2))).toEqual([]);
  });

  test('a command that is gone or takes other data hurts senders, and does not keep a node from starting', () => {
    const taking = (commands: { readonly [name: string]: Schema }) => {
      const decide = Object.fromEntries(Object.keys(commands).map((name) => [name, () => []]));
      return inApp(machine({ name: 'order', initial: () => ({}), commands, events: {}, decide, evolve: {} }));
    };
    const before = taking({ Place: old, Cancel: nothing });
    expect(texts(before, taking({ Place: newer }))).toEqual([
      'senders: order.Cancel is gone, and may be on its way',
      'senders: order.Place takes other data than before',
    ]);
    expect(() => assertFits(before, taking({ Place: newer }))).not.toThrow();
  });

  test('the order of fields and values, and what is said about them, are no new shape; names of properties are', () => {
    const shaped = (shape: object): Schema<object> => ({
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: (value) => ({ value: value as object }),
        jsonSchema: { input: () => shape as never, output: () => shape as never },
      },
    });
    const before = {
      type: 'object',
      properties: { title: { type: 'string' }, kind: { enum: ['a', 'b'] } },
      required: ['title', 'kind'],
    };
    const same = {
      ...before,
      title: 'A note',
      properties: { kind: { enum: ['b', 'a'], description: 'which' }, title: { type: 'string', examples: ['x'] } },
      required: ['kind', 'title'],
    };
    const { title: _, ...fewer } = before.properties;
    expect(texts(placing(shaped(before)), placing(shaped(same)))).toEqual([]);
    for (const other of [
      { ...before, properties: fewer },
      { ...before, required: ['title'] },
      { ...before, properties: { ...before.properties, kind: { enum: ['a', 'c'] } } },
    ])
      expect(texts(placing(shaped(before)), placing(shaped(other)))).toHaveLength(1);
  });

  test('a table that begins elsewhere, or has no state any more to which a deadline led', () => {
    const events = { Go: nothing, Stop: nothing };
    const lamp = (codeVersion: number, initial: 'off' | 'on', end: 'off' | 'dim') =>
      inApp(
        fsm({
          name: 'lamp',
          codeVersion,
          initial,
          events,
          states: {
            off: { Go: 'on' },
            on: { Stop: 'off', after: { '1min': end } },
            ...(end === 'dim' ? { dim: {} } : {}),
          } as { off: { Go: 'on' }; on: { Stop: 'off'; after: { '1min': 'off' } } },
        }),
      );
    expect(texts(lamp(1, 'off', 'off'), lamp(1, 'on', 'off'))).toEqual(['states: lamp begins in on, and began in off']);
    expect(texts(lamp(1, 'off', 'off'), lamp(2, 'on', 'off'))).toEqual([
      'stored-events: lamp begins in on, which does not take Go, with which streams may begin',
    ]);
    expect(texts(lamp(1, 'off', 'dim'), lamp(2, 'off', 'off'))).toEqual([
      'stored-events: lamp.on led to dim when its time was over, which may be stored, and there is no such state any more',
    ]);
    expect(texts(lamp(1, 'off', 'off'), lamp(2, 'off', 'dim'))).toEqual([]);
  });

  test('a transition that is gone, or leads elsewhere while the codeVersion stays', () => {
    const events = { Go: nothing, Stop: nothing };
    const before = inApp(
      fsm({ name: 'car', initial: 'idle', events, states: { idle: { Go: 'moving' }, moving: { Stop: 'idle' } } }),
    );
    const car = (codeVersion: number) =>
      inApp(fsm({ name: 'car', initial: 'idle', events, codeVersion, states: { idle: { Go: 'idle' }, moving: {} } }));
    const gone = 'stored-events: car.moving does not take Stop any more, which may be stored';
    expect(texts(before, car(1))).toEqual(['states: car.idle leads to idle on Go, and led to moving', gone]);
    expect(texts(before, car(2))).toEqual([gone]);
    const functions = { Go: () => ({}), Stop: () => ({}), TimedOut: () => ({}) };
    const rewritten = (codeVersion: number) =>
      inApp(
        machine({
          name: 'car',
          codeVersion,
          initial: () => ({}),
          commands: events,
          events: { ...events, TimedOut: nothing },
          decide: { Go: () => [], Stop: () => [] },
          evolve: functions,
        }),
      );
    expect(texts(before, rewritten(1))).toEqual(['states: car is declared in the other form']);
    expect(texts(before, rewritten(2))).toEqual([]);
  });

  test('rows of a new shape without a new version; contracts from before projections were in them stay valid', () => {
    const listing = (row: Schema<object>, codeVersion: number) =>
      inApp(projection({ name: 'list', row, codeVersion, from: {}, on: {} }));
    expect(listing(old, 3).projections).toEqual({
      list: {
        codeVersion: 3,
        row: { properties: { total: { type: 'integer' } }, required: ['total'], type: 'object' },
        indexes: [],
      },
    });
    expect(texts(listing(old, 2), listing(newer, 2))).toEqual([
      'rows: list has rows of a new shape and the same codeVersion',
    ]);
    for (const now of [listing(newer, 3), listing(newer, 1), listing(unchecked(), 2), inApp()])
      expect(texts(listing(old, 2), now)).toEqual([]);
    const by = ({ total }: { readonly total: number }) => [total];
    const row = unchecked<{ readonly total: number }>();
    const indexed = (codeVersion: number, ...names: readonly string[]) => {
      const indexes: Readonly<Record<string, typeof by>> = Object.fromEntries(names.map((name) => [name, by]));
      return inApp(projection({ name: 'list', row, codeVersion, from: {}, indexes, on: {} }));
    };
    expect(texts(indexed(1, 'byTotal'), indexed(1, 'byTotal', 'byAge'))).toEqual([
      'rows: list has other indexes and the same codeVersion',
    ]);
    expect(texts(indexed(1, 'byTotal', 'byAge'), indexed(1, 'byAge', 'byTotal'))).toEqual([]);
    expect(texts(indexed(1, 'byTotal'), indexed(2, 'byAge'))).toEqual([]);
    const { projections: _, ...before } = listing(old, 2);
    expect(texts(before, listing(newer, 2))).toEqual([]);
  });

  test('one is refused at start by itself, with both shapes and what is stored of it', () => {
    const counts = { streams: () => '12,034', events: () => '412' };
    expect(() => assertFits(placing(old), placing(newer), counts)).toThrow(
      'an event has a new shape and no new version; the node did not start event=`order.Placed` stored=`412`\n' +
        '  stored    { total: integer }\n' +
        '  declared  { currency: string, total: integer }\n' +
        '  stored events have no `currency`\n' +
        '  keep both: versions(<stored>).next(<declared>, (old) => ({ ...old, currency: … }))',
    );
    expect(() => assertFits(placing(old), inApp(), counts)).toThrow(
      'a machine is gone, 12,034 streams have no code; the node did not start machine=`order`\n  keep the name and',
    );
  });

  test('several are refused with a list', () => {
    const counts = { streams: () => '12,034', events: () => 'at least 100,000' };
    const before = { ...placing(old), machines: { ...placing(old).machines, ...inApp(account).machines } };
    expect(() => assertFits(before, placing(newer), counts)).toThrow(
      'this code does not fit what is stored; the node did not start app=`app` misfits=`2`\n' +
        '  order.Placed  has a new shape and no new version (stored: at least 100,000): keep both: versions(<stored>)' +
        '.next(<declared>, (old) => ({ ...old, currency: … }))\n' +
        '    stored    { total: integer }\n' +
        '    declared  { currency: string, total: integer }\n' +
        '    stored events have no `currency`\n' +
        '  account  is gone, 12,034 streams have no code: keep the name and rename the variable, or keep the machine',
    );
    expect(misfits(before, placing(newer)).flatMap(misfitLines)).toHaveLength(5);
  });
});
