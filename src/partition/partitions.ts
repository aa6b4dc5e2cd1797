/**
 * Several partitions in one process: each a state of its own over a log of its own, with an even share of the slots. A
 * key's place says which one has it; what shares a place is in one transaction, all else goes by message. How many there
 * are is settled when they are made.
 */
import type { CheckpointStore } from '../checkpoint/port.ts';
import { LockstepError } from '../kernel/errors.ts';
import type { Log, LogEngine } from '../log/port.ts';
import type { Waits } from '../observe/waits.ts';
import { ShardMap } from '../ring/shard-map.ts';
import { slotOf, slotOfKey } from '../ring/slot.ts';
import type { TreeOptions } from '../storage/options.ts';
import { Channels, type ChannelsSetup } from './channel/channels.ts';
import {
  deadLettersOf,
  dropDeadLetter,
  lostMessagesOf,
  replayDeadLetter,
  type DeadLetter,
  type DeadLettersOptions,
} from './channel/dead-letters.ts';
import type { LostMessages } from './channel/inbox.ts';
import type { MessageHandler } from './channel/message.ts';
import { channelSettings, type ChannelSettings } from './channel/settings.ts';
import type { ChannelAnswer, ChannelBatch, ChannelTransport } from './channel/transport.ts';
import { deadTimers, type DeadTimer } from './timer/timer.ts';
import { openPartition, type PartitionEnv } from './open-partition.ts';
import type { PartitionSettings } from './options.ts';
import type { Partition } from './partition.ts';
import { settledMap } from './placement.ts';
import type { Consistency, ReadOptions, ReadOutcome } from './reads.ts';
import type {
  Conflicted,
  EpochService,
  EpochServiceMaker,
  Reader,
  Rejection,
  Synchronous,
  Transact,
  Transaction,
  TransactAsyncOptions,
  TransactOptions,
  TransactOutcome,
} from './transaction.ts';

export interface PartitionsOptions {
  /** Where the logs are, one a partition; opened by the caller, who also closes it, after the partitions. */
  readonly engine: LogEngine;
  /** Where the states are, a directory each in this one, on the env's disk. */
  readonly directory: string;
  /** As of a partition. */
  readonly anyFileSystem?: boolean | undefined;
  /** As `OpenOptions` of `lockstep` has it. */
  readonly takeOver?: boolean | undefined;
  /** This node's name, which stands in its claims. */
  readonly owner: string;
  /**
   * How many to make, 1 to 4,096; where they were made already, how many there must be. Default: as many as there are, and
   * 1 where there are none. Settled at creation.
   */
  readonly count?: number | undefined;
  /** Their name: that of partition 2's log is `NAME-2`. Default `partition`. */
  readonly name?: string | undefined;
  /** What a message does where it arrives. Default: every message is put aside. */
  readonly onMessage?: MessageHandler | undefined;
  /** How partitions that another node leads are reached. Default: they wait until this node leads. */
  readonly transport?: ChannelTransport | undefined;
  /** False: this node only follows. Default true. */
  readonly stands?: boolean | undefined;
  /** As of a partition. */
  readonly trims?: boolean | undefined;
  /** As of a partition: opens the store of one of them, by its number. A store is one partition's alone. */
  readonly checkpoints?: ((index: number) => Promise<CheckpointStore>) | undefined;
  readonly waits?: Waits | undefined;
  /** Made anew for each epoch of each partition. */
  readonly services?: readonly EpochServiceMaker[] | undefined;
  readonly settings?: Partial<PartitionSettings> | undefined;
  readonly channels?: Partial<ChannelSettings> | undefined;
  readonly tree?: Partial<TreeOptions> | undefined;
  /** For how long the first of them may wait for a leader. Default 30,000. */
  readonly openWithinMs?: number | undefined;
}

/** What a partition needs of its channels. */
export type PartitionChannels = Pick<Channels, 'sender' | 'service' | 'receive'>;
export type ChannelsMaker = (setup: ChannelsSetup) => PartitionChannels;

interface Member {
  readonly log: Log;
  readonly partition: Partition;
  readonly channels: PartitionChannels;
}

const refusesAll: MessageHandler = () => ({ kind: 'rejected', code: 'no-handler', details: null });

/**
 * Opens them; makes them where there are none.
 * @throws LockstepError `misuse` for options that are none, and when another count was settled; `unavailable` when nobody
 * led the first one in time; what opening a log or a partition throws.
 */
export function openPartitions(env: PartitionEnv, options: PartitionsOptions): Promise<Partitions> {
  return openPartitionsWith(env, options, (setup) => new Channels(setup));
}

/** The same with channels that are made otherwise: where a simulation plants what it must find. */
export async function openPartitionsWith(
  env: PartitionEnv,
  options: PartitionsOptions,
  channelsOf: ChannelsMaker,
): Promise<Partitions> {
  const opening = new Opening(env, options, channelsOf);
  try {
    const map = await opening.settle();
    return new Partitions(await opening.all(map), map, options.onMessage ?? refusesAll);
  } catch (error) {
    await opening.undo();
    throw error;
  }
}

export class Partitions implements AsyncDisposable {
  /** Which partition has which slot. */
  readonly map: ShardMap;
  readonly #members: readonly Member[];
  readonly #handler: MessageHandler;

  /** Use `openPartitions`. */
  constructor(members: readonly Member[], map: ShardMap, handler: MessageHandler) {
    this.map = map;
    this.#members = members;
    this.#handler = handler;
  }

  get count(): number {
    return this.#members.length;
  }

  /** The number of the partition that has this key's place. */
  indexOf(key: string): number {
    return this.map.partitionOf(slotOfKey(key));
  }

  /** From 0. @throws LockstepError `misuse` for one that is not there. */
  at(index: number): Partition {
    return this.#member(index).partition;
  }

  /** As `Partition.transact`, by the partition that has the key's place. */
  transact<T>(
    key: string,
    fn: (tx: Transaction) => Synchronous<T>,
    options: TransactOptions = {},
  ): Promise<TransactOutcome<T>> {
    return this.at(this.indexOf(key)).transact(key, fn, options);
  }

  /** As `Partition.transactAsync`, by the partition that has the key's place. */
  transactAsync<T>(
    key: string,
    fn: (tx: Transaction) => Promise<T>,
    options: TransactAsyncOptions = {},
  ): Promise<TransactOutcome<T> | Conflicted> {
    return this.at(this.indexOf(key)).transactAsync(key, fn, options);
  }

  /** As `Partition.read`, of the partition that has the key's place: other places in it are those of that partition alone. */
  read(key: string, consistency: Consistency, options: ReadOptions = {}): Promise<ReadOutcome> {
    return this.at(this.indexOf(key)).read(consistency, options);
  }

  /** Resolves when this node leads all of them. @throws as `Partition.leading`. */
  async leading(options: ReadOptions = {}): Promise<void> {
    await Promise.all(this.#members.map(({ partition }) => partition.leading(options)));
  }

  /** For a transport: a batch that another node sends to the partition, which this node is to lead. */
  async receive(index: number, batch: ChannelBatch): Promise<ChannelAnswer> {
    const { partition, channels } = this.#member(index);
    const answer = await channels.receive(batch);
    return answer.kind === 'not-leader' ? { ...answer, leader: partition.status.leader } : answer;
  }

  /** What could not take effect in a partition, with the reasons. @throws as `Partition.read`. */
  deadLetters(index: number, options: DeadLettersOptions = {}): Promise<readonly DeadLetter[]> {
    return this.#newest(index, (reader) => deadLettersOf(reader, options));
  }

  /** The first 100 timers of a partition whose handlers threw too often. @throws as `Partition.read`. */
  deadTimers(index: number): Promise<readonly DeadTimer[]> {
    return this.#newest(index, (reader) => [...deadTimers(reader, 100)]);
  }

  /** What a partition took before it was restored from a backup of before. @throws as `Partition.read`. */
  lostMessages(index: number): Promise<readonly LostMessages[]> {
    return this.#newest(index, lostMessagesOf);
  }

  /** Runs a dead letter's handler again, now; it is removed where that succeeds, and stays where it does not. */
  replay(index: number, id: string): Promise<TransactOutcome<null | Rejection>> {
    return replayDeadLetter(this.#transactAt(index), id, this.#handler);
  }

  /** Removes a dead letter without any effect. */
  drop(index: number, id: string): Promise<TransactOutcome<null | Rejection>> {
    return dropDeadLetter(this.#transactAt(index), id);
  }

  /** Resolves when one of them cannot go on, with why, or all are closed, with null. */
  get stopped(): Promise<Error | null> {
    const all = this.#members.map(({ partition }) => partition.stopped);
    return new Promise((resolve) => {
      for (const one of all) void one.then((error) => (error === null ? null : resolve(error)));
      void Promise.all(all).then((errors) => resolve(errors.find((error) => error !== null) ?? null));
    });
  }

  async close(): Promise<void> {
    await closeAll(this.#members);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #member(index: number): Member {
    const member = this.#members[index];
    if (member !== undefined) return member;
    throw new LockstepError('misuse', 'there is no such partition', { values: { index, count: this.count } });
  }

  #transactAt(index: number): Transact {
    const { partition } = this.#member(index);
    return (place, fn, options) => partition.transact(place, fn, options);
  }

  async #newest<T>(index: number, look: (reader: Reader) => T): Promise<T> {
    const outcome = await this.at(index).read({ staleMsMax: 0 });
    if (outcome.kind !== 'snapshot')
      throw new LockstepError('stopped', 'the partition answers no more', { values: { index, kind: outcome.kind } });
    using snapshot = outcome;
    return look(snapshot);
  }
}

/** The members as they are opened, one by one. */
class Opening {
  readonly #env: PartitionEnv;
  readonly #options: PartitionsOptions;
  readonly #name: string;
  readonly #channels: ChannelSettings;
  readonly #makeChannels: ChannelsMaker;
  /** As they are to be if they are made now. */
  readonly #wished: ShardMap;
  readonly #members: Member[] = [];
  readonly #settled = Promise.withResolvers<void>();
  #map: ShardMap | null = null;
  #isOpen = false;

  constructor(env: PartitionEnv, options: PartitionsOptions, channelsOf: ChannelsMaker) {
    this.#env = env;
    this.#makeChannels = channelsOf;
    this.#options = options;
    this.#name = options.name ?? 'partition';
    this.#wished = ShardMap.even(options.count ?? 1);
    const settings = channelSettings(options.channels);
    const messageBytesMax = Math.floor(options.engine.guarantees.payloadBytesMax / 4);
    this.#channels = { ...settings, messageBytesMax: Math.min(settings.messageBytesMax, messageBytesMax) };
  }

  /** Opens the first one, which knows how many there are. */
  async settle(): Promise<ShardMap> {
    const { count, waits = null, openWithinMs: withinMs = 30_000 } = this.#options;
    const { partition } = await this.#open(0);
    this.#map = await settledMap(this.#env, partition, this.#wished, { count, name: this.#name, waits, withinMs });
    this.#settled.resolve();
    return this.#map;
  }

  async all({ partitions }: ShardMap): Promise<readonly Member[]> {
    for (const index of partitions.slice(1)) await this.#open(index);
    // In a task of its own: handlers run when whoever opens has what they may need.
    this.#env.timers.after(0, () => (this.#isOpen = true));
    return this.#members;
  }

  async undo(): Promise<void> {
    await closeAll(this.#members);
  }

  async #open(index: number): Promise<Member> {
    const { engine, directory, services = [], ...options } = this.#options;
    const name = this.#nameOf(index);
    const log = await engine.open(name, { create: true });
    if (log === null) throw new LockstepError('unavailable', 'a log was not made', { values: { name } });
    try {
      const checkpoints = await options.checkpoints?.(index);
      const channels = this.#channelsOf(name);
      const partition = await openPartition(this.#env, {
        log,
        payloadBytesMax: engine.guarantees.payloadBytesMax,
        directory: `${directory}/${index}`,
        anyFileSystem: options.anyFileSystem,
        takeOver: options.takeOver,
        owner: options.owner,
        name,
        stands: options.stands,
        trims: options.trims,
        checkpoints,
        waits: options.waits,
        services: [channels.service, ...services.map((make) => this.#afterSettled(make))],
        sender: channels.sender,
        settings: options.settings,
        tree: options.tree,
      });
      const member = { log, partition, channels };
      this.#members.push(member);
      return member;
    } catch (error) {
      await log.close();
      throw error;
    }
  }

  #channelsOf(name: string): PartitionChannels {
    return this.#makeChannels({
      name,
      nameOf: (index) => this.#nameOf(index),
      partitionOf: (place) => {
        if (this.#map !== null) return this.#map.partitionOf(slotOf(place));
        throw new LockstepError('unavailable', 'it is not known yet which partition has which place');
      },
      transport: { deliver: (to, batch, signal) => this.#deliver(to, batch, signal) },
      handler: this.#options.onMessage ?? refusesAll,
      settings: this.#channels,
    });
  }

  /** Within this process where it leads; else by the transport that was given. */
  async #deliver(to: number, batch: ChannelBatch, signal: AbortSignal): Promise<ChannelAnswer> {
    const member = this.#isOpen ? this.#members[to] : undefined;
    const answer = await member?.channels.receive(batch);
    if (answer !== undefined && answer.kind !== 'not-leader') return answer;
    const { transport } = this.#options;
    if (transport !== undefined) return transport.deliver(to, batch, signal);
    return { kind: 'not-leader', leader: member?.partition.status.leader ?? null };
  }

  /** Services may send, so they begin once it is known where to. */
  #afterSettled(make: EpochServiceMaker): EpochServiceMaker {
    return (): EpochService => {
      const service = make();
      let isStarted = false;
      return {
        start: (leading) => {
          const start = (): void => {
            if (leading.signal.aborted) return;
            isStarted = true;
            service.start(leading);
          };
          if (this.#map === null) void this.#settled.promise.then(start);
          else start();
        },
        stop: async () => {
          if (isStarted) await service.stop();
        },
      };
    };
  }

  #nameOf(index: number): string {
    return `${this.#name}-${index}`;
  }
}

/** All of them, whatever one of them throws; then that is thrown. */
async function closeAll(members: readonly Member[]): Promise<void> {
  const ends = await Promise.allSettled(
    members.map(async ({ partition, log }) => {
      try {
        await partition.close();
      } finally {
        await log.close();
      }
    }),
  );
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
}
