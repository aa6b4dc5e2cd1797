/** What is planted in the channels of a contender, to test the scenario `channels`. */
import type { Env } from 'lockstep/env';
import type { Tuple } from '../../../src/bytes/tuple.ts';
import type { StoredValue } from '../../../src/bytes/value-format.ts';
import { Channels, type ChannelsSetup } from '../../../src/partition/channel/channels.ts';
import type { MessageHandler } from '../../../src/partition/channel/message.ts';
import type { ChannelTransport } from '../../../src/partition/channel/transport.ts';
import type { PartitionChannels } from '../../../src/partition/partitions.ts';
import type { Leading, Space, Transaction, TransactOutcome } from '../../../src/partition/transaction.ts';

export interface ChannelBug {
  readonly handler?: (handler: MessageHandler) => MessageHandler;
  readonly transport?: (env: Env, transport: ChannelTransport) => ChannelTransport;
  /** What the service of an epoch is given. */
  readonly leading?: (leading: Leading) => Leading;
  /** A message leaves at once, without waiting for its transaction. */
  readonly sendsEarly?: boolean;
}

export function channelsWith(env: Env, setup: ChannelsSetup, bug: ChannelBug): PartitionChannels {
  const transport = bug.transport?.(env, setup.transport) ?? setup.transport;
  const channels = new Channels({ ...setup, transport });
  const { leading = (one: Leading): Leading => one } = bug;
  const service: PartitionChannels['service'] = () => {
    const real = channels.service();
    return { start: (given) => real.start(leading(given)), stop: () => real.stop() };
  };
  const sender: PartitionChannels['sender'] = {
    send: (tx, to, message) => {
      const refused = channels.sender.send(tx, to, message);
      if (refused === null && bug.sendsEarly === true) sendNow(env, transport, tx, setup.partitionOf(to));
      return refused;
    },
    tooLarge: (tx, to, message) => channels.sender.tooLarge(tx, to, message),
  };
  return { sender, service, receive: (batch) => channels.receive(batch) };
}

/** The last one of the outbox. */
function sendNow(env: Env, transport: ChannelTransport, tx: Transaction, target: number): void {
  const space = tx.system('channel', 'local');
  const [generation, number] = space.get(['sent', target]) as [number, number];
  const [, , bytes] = space.get(['out', target, number]) as [number, number, Uint8Array];
  const { id: sender } = tx.system('partition', 'local').get([]) as { readonly id: string };
  const after = { generation: number === 1 ? 0 : generation, number: number - 1 };
  const batch = { sender, after, messages: [{ generation, number, bytes }] };
  env.timers.after(0, () => {
    transport.deliver(target, batch, new AbortController().signal).catch(() => {}); // its courier sends it again
  });
}

type SpaceChange = (space: Space, tx: Transaction) => Partial<Space>;

/** Transactions of the service see another space of channels. */
function withSpace(leading: Leading, change: SpaceChange): Leading {
  return {
    ...leading,
    reader: leading.reader,
    transact: (place, fn, options) => leading.transact(place, (tx) => fn(changed(tx, change)), options),
  };
}

function changed(tx: Transaction, change: SpaceChange): Transaction {
  return {
    place: tx.place,
    now: tx.now,
    get revision() {
      return tx.revision;
    },
    local: tx.local,
    get: (key) => tx.get(key),
    range: (options) => tx.range(options),
    walk: (options) => tx.walk(options),
    set: (key, value) => tx.set(key, value),
    setEncoded: (key, value) => tx.setEncoded(key, value),
    encoded: (value) => tx.encoded(value),
    delete: (key) => tx.delete(key),
    deleteRange: (range) => tx.deleteRange(range),
    at: (key) => tx.at(key),
    send: (to, message) => tx.send(to, message),
    checkMessage: (to, message) => tx.checkMessage(to, message),
    note: (topic, note) => tx.note(topic, note),
    systemAt: (name, place) => tx.systemAt(name, place),
    tokenAt: (revision) => tx.tokenAt(revision),
    system: (name, of) => {
      const space = tx.system(name, of);
      if (name !== 'channel') return space;
      const plain: Space = {
        get: (key) => space.get(key),
        range: (options) => space.range(options),
        walk: (options) => space.walk(options),
        set: (key, value) => space.set(key, value),
        setEncoded: (key, value) => space.setEncoded(key, value),
        delete: (key) => space.delete(key),
        deleteRange: (range) => space.deleteRange(range),
      };
      return { ...plain, ...change(space, tx) };
    },
  };
}

const isInbox = (key: Tuple): boolean => key[0] === 'in';

/** The effect and the number are two transactions. */
function outside(leading: Leading): Leading {
  let later: (readonly [Tuple, StoredValue])[] = [];
  const inner = withSpace(leading, (space) => ({
    get: (key) => later.findLast(([one]) => String(one) === String(key))?.[1] ?? space.get(key),
    set: (key, value) => (isInbox(key) ? void later.push([key, value]) : space.set(key, value)),
  }));
  return {
    ...inner,
    transact: async (place, fn, options) => {
      const outcome = await inner.transact(place, fn, options);
      const moved = later;
      later = [];
      if (moved.length > 0)
        await leading.transact(null, (tx) => {
          for (const [key, value] of moved) tx.system('channel', 'local').set(key, value);
        });
      return outcome;
    },
  };
}

/** What ran is told at once. */
function early(leading: Leading): Leading {
  return {
    ...leading,
    transact: (place: string | null, fn: (tx: Transaction) => never, options?: object) => {
      let told: TransactOutcome<unknown> | null = null;
      const outcome = leading.transact(
        place,
        (tx) => {
          const value = fn(tx);
          told = { kind: 'committed', value, token: '' as never, revision: 0 };
          return value;
        },
        options,
      );
      outcome.catch(() => {}); // nobody waits for it
      return told === null ? outcome : Promise.resolve(told);
    },
  } as Leading;
}

/** What was taken is remembered in memory, for longer than an epoch. */
function remembered(known: Map<string, StoredValue>): (leading: Leading) => Leading {
  return (leading) =>
    withSpace(leading, (space, tx) => {
      const { id } = tx.system('partition', 'local').get([]) as { readonly id: string };
      const nameOf = (key: Tuple): string => `${id} ${String(key)}`;
      return {
        get: (key) => (isInbox(key) ? (known.get(nameOf(key)) ?? space.get(key)) : space.get(key)),
        set: (key, value) => {
          if (isInbox(key)) known.set(nameOf(key), value);
          space.set(key, value);
        },
      };
    });
}

/** Where to go on is taken from what was sent, not from what was taken. */
function fromSent(leading: Leading): Leading {
  const { reader } = leading;
  return {
    ...leading,
    reader: {
      revision: reader.revision,
      at: (key) => reader.at(key),
      local: reader.local,
      everywhere: (name, after) => reader.everywhere(name, after),
      system: (name, place) => {
        const space = reader.system(name, place);
        if (name !== 'channel') return space;
        return {
          get: (key) => space.get(key[0] === 'taken' ? ['sent', ...key.slice(1)] : key),
          range: (options) => space.range(options),
          walk: (options) => space.walk(options),
        };
      },
    },
  };
}

const takenUnasked = (env: Env, transport: ChannelTransport): ChannelTransport => ({
  deliver: async (to, batch, signal) => {
    env.timers.after(0, () => void transport.deliver(to, batch, signal).catch(() => {}));
    return { kind: 'taken', upTo: batch.messages.at(-1)?.number ?? 0, held: null };
  },
});

/** Made anew for each run of a contender. */
export const channelBugs: Readonly<Record<string, () => ChannelBug>> = {
  'moves-the-inbox-outside': () => ({ leading: outside }),
  'acknowledges-before-it-is-durable': () => ({ leading: early }),
  'remembers-what-it-took-in-memory': () => ({ leading: remembered(new Map()) }),
  'resends-from-the-wrong-number': () => ({ leading: fromSent }),
  'lets-go-unasked': () => ({ transport: takenUnasked }),
  'sends-what-is-not-durable': () => ({ sendsEarly: true }),
  'drops-what-fails': () => ({
    handler: (handler) => (tx, message) => {
      try {
        handler(tx, message);
      } catch {
        return; // what is planted: nobody hears of it
      }
    },
  }),
};
