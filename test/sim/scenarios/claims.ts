/**
 * Writers that claim one log from each other over the network, and readers that follow it: nothing acknowledged is
 * lost, reordered or doubled; what is fenced is not there; what one writer has in the log is a prefix of what it
 * appended; all readers see one log.
 */
import type { Env } from 'lockstep/env';
import type { World } from 'lockstep/sim';
import { isLockstepError } from '../../../src/kernel/errors.ts';
import { position } from '../../../src/log/coordinates.ts';
import { MemoryStores } from '../../../src/log/memory.ts';
import type { Log, LogRecord, LogWriter } from '../../../src/log/port.ts';
import { storeEngine } from '../../../src/log/store-engine.ts';
import type { RecordStore, RecordStores } from '../../../src/log/store.ts';
import type { Scenario } from '../scenario.ts';
import { logService, remoteStores } from '../../../src/sim/cluster/log-service.ts';

const writers = ['node-1', 'node-2', 'node-3'] as const;
const readers = ['reader-1', 'reader-2'] as const;
const address = 'logs:1';
const config = { silenceMs: 300, pauseMsMax: 150, attemptMsMax: 400, settleMsMax: 3_000 };
const client = { resendCount: 1, doubled: { probability: 0.1, laterMsMax: 800 } };

/** What one writer did in one epoch, as it knows it. */
interface Term {
  readonly epoch: number;
  readonly appended: string[];
  readonly acknowledged: Map<string, number>;
  readonly fenced: string[];
}

/** What the scenario knows of everybody; it survives crashes. */
class Witness {
  readonly terms: Term[] = [];
  /** By position: what the first reader saw there. */
  readonly seen = new Map<number, { readonly chain: string; readonly text: string; readonly isEntry: boolean }>();
  readonly places = new Map<string, { readonly position: number; readonly chain: string | undefined }>();
  readonly #world: World;
  enough = false;

  constructor(world: World) {
    this.#world = world;
  }

  see(reader: string, record: LogRecord): void {
    const text = new TextDecoder().decode(record.payload);
    const before = this.seen.get(record.position);
    if (before !== undefined && before.chain !== record.chain)
      this.#world.fail(`readers see two logs at position ${record.position}: ${before.text} and ${text}`);
    this.seen.set(record.position, { chain: record.chain, text, isEntry: record.revisionCount > 0 });
    this.places.set(reader, { position: record.position, chain: record.chain });
  }

  diverged(reader: string, what: string): never {
    this.#world.fail(`${reader} was told that the log diverged: ${what}`);
  }

  get slowest(): number {
    return Math.min(...readers.map((reader) => this.places.get(reader)?.position ?? 0));
  }

  get acknowledgedCount(): number {
    return this.terms.reduce((sum, { acknowledged }) => sum + acknowledged.size, 0);
  }

  check(): void {
    const placeOf = new Map<string, number>();
    for (const [at, { text, isEntry }] of this.seen) {
      if (isEntry && placeOf.has(text)) this.#world.fail(`${text} is in the log twice`);
      if (isEntry) placeOf.set(text, at);
    }
    for (const term of this.terms) this.#checkTerm(term, placeOf);
  }

  #checkTerm({ epoch, appended, acknowledged, fenced }: Term, placeOf: ReadonlyMap<string, number>): void {
    for (const [text, at] of acknowledged)
      if (placeOf.get(text) !== at)
        this.#world.fail(`${text} was acknowledged at position ${at}, and is at ${placeOf.get(text) ?? 'none'}`);
    for (const text of fenced) if (placeOf.has(text)) this.#world.fail(`${text} was fenced, and is in the log`);
    const places = appended.map((text) => placeOf.get(text));
    const firstMissing = places.indexOf(undefined);
    const there = firstMissing === -1 ? places : places.slice(0, firstMissing);
    if (places.filter((at) => at !== undefined).length !== there.length)
      this.#world.fail(`what epoch ${epoch} has in the log is no prefix of what it appended`);
    if (there.some((at, index) => index > 0 && (at ?? 0) <= (there[index - 1] ?? 0)))
      this.#world.fail(`what epoch ${epoch} appended is in another order`);
  }
}

async function opened(env: Env, stores: RecordStores): Promise<Log> {
  const engine = storeEngine(env, stores, { config });
  for (;;) {
    try {
      const log = await engine.open('log', { create: true });
      if (log !== null) return log;
    } catch (error) {
      if (!isLockstepError(error, 'unavailable')) throw error;
    }
  }
}

async function write(env: Env, witness: Witness, name: string, stores: RecordStores): Promise<void> {
  const log = await opened(env, stores);
  while (!witness.enough) {
    const writer = await stand(env, log, name);
    if (writer !== null) await serve(env, witness, log, writer).catch(passing);
    await env.sleep(`${Math.floor(env.random() * 200)}ms`);
  }
  await log.close();
}

/** Not for ever: the scenario ends some time. */
async function stand(env: Env, log: Log, owner: string): Promise<LogWriter | null> {
  const [stop, reason] = [new AbortController(), new Error('stood long enough')];
  const timer = env.timers.after(5_000, () => stop.abort(reason));
  try {
    return await log.acquire({ owner, signal: stop.signal });
  } catch (error) {
    if (error !== reason) passing(error);
    return null;
  } finally {
    timer.cancel();
  }
}

function passing(error: unknown): void {
  if (!isLockstepError(error) || !['unknown', 'unavailable'].includes(error.kind)) throw error;
}

async function serve(env: Env, witness: Witness, log: Log, writer: LogWriter): Promise<void> {
  const term: Term = { epoch: writer.epoch, appended: [], acknowledged: new Map(), fenced: [] };
  witness.terms.push(term);
  for (let count = 0; !writer.lost.aborted; count++) {
    const text = `${writer.epoch}/${count}`;
    term.appended.push(text);
    const payload = new TextEncoder().encode(text);
    const outcome = await writer.append({ payload, firstRevision: count, revisionCount: 1 });
    if (outcome.kind === 'fenced') return void term.fenced.push(text);
    term.acknowledged.set(text, outcome.position);
    if (env.random() < 0.1 && (await writer.confirm()) === 'lost') return;
    if (env.random() < 0.1) await log.trim(position(Math.max(0, witness.slowest - 3)));
    if (witness.enough || env.random() < 0.05) return writer.release();
    if (env.random() < 0.3) await env.sleep(`${Math.floor(env.random() * 700)}ms`);
  }
}

async function follow(env: Env, witness: Witness, name: string, stores: RecordStores): Promise<void> {
  const log = await opened(env, stores);
  for (;;) {
    const place = witness.places.get(name);
    try {
      for await (const batch of log.read(position(place?.position ?? 0), { chain: place?.chain })) {
        if (batch.kind === 'records') for (const record of batch.records) witness.see(name, record);
        else if (batch.kind === 'diverged') witness.diverged(name, `${batch.expected}, ${batch.found}`);
        else witness.diverged(name, `trimmed up to ${batch.earliest} before it was read`);
        if (env.random() < 0.2) await env.sleep(`${Math.floor(env.random() * 300)}ms`);
      }
    } catch (error) {
      passing(error);
    }
    await env.sleep('20ms');
  }
}

/** The same stores, where a call does something else. */
function altered(
  stores: RecordStores,
  reads: RecordStores['reads'],
  changes: (store: RecordStore) => Partial<RecordStore>,
): RecordStores {
  return {
    name: stores.name,
    guarantees: stores.guarantees,
    reads,
    open: async (name, create) => {
      const store = await stores.open(name, create);
      if (store === null) return null;
      return {
        id: store.id,
        append: (after, bytes) => store.append(after, bytes),
        read: (after, bytesMax) => store.read(after, bytesMax),
        grown: (after, signal) => store.grown(after, signal),
        trim: (before) => store.trim(before),
        close: () => store.close(),
        ...changes(store),
      };
    },
    list: () => stores.list(),
    remove: (name) => stores.remove(name),
    close: () => stores.close(),
  };
}

/** Answered by replicas that are behind, now by more and now by less: also who looks for its own append may find nothing. */
function behind(env: Env, stores: RecordStores, reads: RecordStores['reads']): RecordStores {
  return altered(stores, reads, (store) => ({
    read: async (after, bytesMax) => {
      const read = await store.read(after, bytesMax);
      if (read.kind === 'gone' || env.random() < 0.6) return read;
      const last = Math.max(read.first - 1, read.last - Math.floor(env.random() * 5));
      return { ...read, last: position(last), records: read.records.filter(({ position: at }) => at <= last) };
    },
  }));
}

/** What a careless author of a store may do. */
function careless(env: Env, stores: RecordStores, bug: string | null): RecordStores {
  if (bug === 'conflict-means-fenced')
    return altered(stores, stores.reads, (store) => ({
      append: async (after, bytes) => {
        const answer = await store.append(after, bytes);
        return answer === 'conflict' ? 'gone' : answer;
      },
    }));
  if (bug === 'append-without-condition')
    return altered(stores, stores.reads, (store) => ({
      append: async (after, bytes) => {
        const end = await store.read(position(Number.MAX_SAFE_INTEGER - 1), 1);
        return store.append(end.kind === 'gone' ? after : end.last, bytes);
      },
    }));
  return bug === 'replicas-called-linearizable' ? behind(env, stores, 'linearizable') : stores;
}

export const claimsScenario: Scenario = {
  name: 'claims',
  about:
    'writers claim one log from each other over a service, readers follow; answers come late, twice, never, or from the past',
  bugs: ['conflict-means-fenced', 'append-without-condition', 'replicas-called-linearizable'],
  async run(world, bug) {
    const kept = new MemoryStores();
    const isBehind = world.random.chance(0.5);
    const stores = (env: Env): RecordStores => {
      const remote = careless(env, remoteStores(env, address, client), bug);
      return isBehind && bug === null ? behind(env, remote, 'recent') : remote;
    };
    const witness = new Witness(world);
    void world.run('logs', (env) => logService(env, address, kept));
    const done = writers.map((name) => world.run(name, (env) => write(env, witness, name, stores(env))));
    for (const name of readers) void world.run(name, (env) => follow(env, witness, name, stores(env)));
    await world.sleep('4s');
    world.heal();
    const before = witness.acknowledgedCount;
    await world.until('somebody leads again', () => witness.acknowledgedCount >= before + 3);
    witness.enough = true;
    await Promise.all(done);
    const log = await kept.open('log', null);
    const end = await log?.read(position(Number.MAX_SAFE_INTEGER - 1), 1);
    const last = end?.kind === 'records' ? end.last : 0;
    await world.until('every reader is at the end', () => witness.slowest >= last);
    witness.check();
  },
};
