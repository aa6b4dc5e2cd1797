/**
 * The claim protocol of the file engine as a small model: a leader that appends, acquirers that claim from it and from
 * each other, a reader in another process and a trimmer of claims, step by atomic step, with any sync failing and the
 * power going at any point with every subset of what was not synced. A process that is killed or stopped is one that
 * takes no further step. Explored completely by test/sim/claim-protocol.test.ts.
 */
import { assert } from '../../src/kernel/assert.ts';

interface Entry {
  /** A record, as writer and number; 0 is the claim of its epoch. */
  id: string;
  /** On the platter, in the page cache alone, or forgotten by a sync that failed. */
  fate: 'durable' | 'cached' | 'lost';
}
/** One epoch's records: the first `upTo` of the log as epoch `before` has it, then the entries. Its header is durable before its name is there. */
export interface Segment {
  before: number;
  upTo: number;
  entries: Entry[];
}
export const steps = [
  ...(['off', 'pick', 'create claim', 'sync claim', 'choose', 'scan', 'create segment'] as const),
  ...(['sync name', 'check next', 'check own', 'append', 'write', 'sync', 'settle', 'sync settled', 'ended'] as const),
] as const;
interface Process {
  step: (typeof steps)[number];
  epoch: number;
  appended: number;
  /** What it took over: the first `upTo` records as epoch `before` has them. */
  before: number;
  upTo: number;
  /** The epoch that may settle what became of its last record. */
  settling: number;
}
export interface Name {
  seen: boolean;
  durable: boolean;
}
export interface State {
  /** By epoch; 0 is unused. */
  claims: Name[];
  names: Name[];
  segments: (Segment | null)[];
  processes: Process[];
  reader: { step: 'read' | 'check next' | 'check own' | 'ended'; epoch: number; found: string[] };
  /** Claims above the ones that may go: 0 while the trimmer looks. */
  trimmed: number;
  trimUnder: number;
  powerLosses: number;
  syncFailures: number;
  /** Promises: what stands at each position ('': nothing promised), and what is certainly not in the log. */
  acknowledged: string[];
  denied: string[];
}

export interface Rules {
  readonly check: 'after the write' | 'before the write';
  readonly own: 'checked last' | 'checked first' | 'not checked';
  /** What an acquirer does to the last entry of the segment before its own. */
  readonly tail: 'written again and synced' | 'synced' | 'trusted';
  readonly directory: 'synced' | 'not synced';
  readonly appends: 'synced' | 'not synced';
  /** What lets a writer say that its record certainly is not in the log. */
  readonly denial: 'by a durable segment' | 'by a segment seen' | 'at once';
  readonly claims: 'trimmed oldest first' | 'trimmed newest first';
  /** Whether a claim can be made though the one that was looked at before is gone. */
  readonly claiming: 'from the one before' | 'by its number alone';
}
export const protocol: Rules = {
  check: 'after the write',
  own: 'checked last',
  tail: 'written again and synced',
  directory: 'synced',
  appends: 'synced',
  denial: 'by a durable segment',
  claims: 'trimmed oldest first',
  claiming: 'from the one before',
};
export interface Sizes {
  /** How many records each process appends; the first one leads at the beginning. */
  readonly appends: readonly number[];
  readonly powerLosses: number;
  readonly syncFailures: number;
  readonly trims: number;
  readonly reader: boolean;
}

const writers = 'abcde';
const idOf = (process: number, count: number): string => `${writers[process]}${count}`;

export function begin({ appends, reader }: Sizes): State {
  const epochs = Array.from({ length: appends.length + 1 }, (_, epoch) => epoch);
  const process = { epoch: 0, appended: 0, before: 0, upTo: 0, settling: 0 };
  const named = () => epochs.map((epoch) => ({ seen: epoch === 1, durable: epoch === 1 }));
  const first: Segment = { before: 0, upTo: 0, entries: [{ id: 'a0', fate: 'durable' }] };
  return {
    claims: named(),
    names: named(),
    segments: epochs.map((epoch) => (epoch === 1 ? first : null)),
    processes: appends.map((_, index) =>
      index === 0 ? { ...process, step: 'append', epoch: 1 } : { ...process, step: 'off' },
    ),
    reader: { step: reader ? 'read' : 'ended', epoch: 0, found: [] },
    trimmed: 0,
    trimUnder: 0,
    powerLosses: 0,
    syncFailures: 0,
    acknowledged: ['a0'],
    denied: [],
  };
}

const seenIn = (names: readonly Name[]): number => names.findLastIndex(({ seen }) => seen);
const isSeen = (names: readonly Name[], epoch: number): boolean => names[epoch]?.seen ?? false;
/** The log as an epoch has it: its first records as those before it have them, then its own entries. */
function logAt(state: State, epoch: number, entryCount = Infinity, depth = 0): string[] {
  const segment = state.segments[epoch];
  if (epoch === 0 || segment === null || segment === undefined) return [];
  // Segments that go on from each other in a circle rest on nothing.
  const taken =
    depth < state.names.length ? logAt(state, segment.before, Infinity, depth + 1).slice(0, segment.upTo) : [];
  // A hole: the newer segment rests on records that are gone. Shown as such, so that no invariant is met by chance.
  while (taken.length < segment.upTo) taken.push('gone');
  return [...taken, ...segment.entries.slice(0, entryCount).map(({ id }) => id)];
}

function promise(state: State, at: number, id: string): string | null {
  const before = state.acknowledged[at] ?? '';
  while (state.acknowledged.length <= at) state.acknowledged.push('');
  state.acknowledged[at] = id;
  return before === '' || before === id ? null : `two records at position ${at}: ${before} and ${id}`;
}
function deny(state: State, id: string): void {
  if (!state.denied.includes(id)) state.denied.push(id);
  state.denied.sort();
}

/** Looked for in every state, as a reader that opens the log now would find it. */
export function broken(state: State): string | null {
  const log = logAt(state, seenIn(state.names));
  const missing = state.acknowledged.findIndex((id, at) => id !== '' && log[at] !== id);
  if (missing >= 0)
    return `acknowledged ${state.acknowledged[missing]} at ${missing} is not in the log ${log.join(' ')}`;
  if (log.includes('gone')) return `the log has a hole: ${log.join(' ')}`;
  const denied = state.denied.find((id) => log.includes(id));
  if (denied !== undefined) return `${denied} is in the log, and its writer was told that it never will be`;
  for (const writer of writers) {
    const own = log.filter((id) => id.startsWith(writer));
    if (own.some((id, index) => id !== `${writer}${index}`))
      return `${own.join(' ')} is no beginning of what was appended`;
  }
  return null;
}

type Change = (next: State) => string | null | void;

export function* changes(state: State, rules: Rules, sizes: Sizes): Generator<Change> {
  for (const [index, process] of state.processes.entries()) {
    // Those that have not begun are alike: they begin in their order.
    if (process.step === 'off' && state.processes[index - 1]?.step === 'off') continue;
    if (process.step === 'ended') continue;
    yield (next) => stepOf(next, index, rules, sizes);
    const syncs = process.step.startsWith('sync');
    if (syncs && state.syncFailures < sizes.syncFailures) yield (next) => failSync(next, index);
  }
  if (state.reader.step !== 'ended') yield (next) => read(next, rules);
  if (state.trimmed < sizes.trims) yield (next) => trim(next, rules);
  if (state.powerLosses < sizes.powerLosses)
    for (const kept of powerLosses(state)) yield (next) => losePower(next, kept);
}

export function stepOf(state: State, index: number, rules: Rules, sizes: Sizes): string | null | void {
  const process = state.processes[index];
  assert(process !== undefined, 'the process exists');
  const go = (step: Process['step']): void => void (process.step = step);
  switch (process.step) {
    case 'off':
    case 'pick':
      process.epoch = seenIn(state.claims) + 1;
      if (process.epoch >= state.claims.length) return go('ended');
      return go('create claim');
    case 'create claim':
      if (isSeen(state.claims, process.epoch)) return go('pick');
      if (rules.claiming === 'from the one before' && !isSeen(state.claims, process.epoch - 1)) return go('pick');
      state.claims[process.epoch] = { seen: true, durable: false };
      return go('sync claim');
    case 'sync claim':
      if (rules.directory === 'synced') syncNames(state);
      return go('choose');
    case 'choose':
      process.before = seenIn(state.names);
      return go('scan');
    case 'scan':
      scan(state, process, rules);
      return go('create segment');
    case 'create segment': {
      const { before, upTo, epoch } = process;
      state.segments[epoch] = { before, upTo, entries: [] };
      state.names[epoch] = { seen: true, durable: false };
      return go('sync name');
    }
    case 'sync name':
      if (rules.directory === 'synced') syncNames(state);
      return go('write');
    case 'append':
      process.appended++;
      return go(rules.check === 'before the write' ? 'check next' : 'write');
    case 'write':
      state.segments[process.epoch]?.entries.push({ id: idOf(index, process.appended), fate: 'cached' });
      return go('sync');
    case 'sync':
      if (rules.appends === 'synced') syncFile(state, process.epoch);
      if (rules.check === 'before the write' && process.appended > 0) return acknowledge(state, index, sizes);
      return go('check next');
    case 'check next':
    case 'check own':
      return check(state, index, rules, sizes);
    case 'settle':
      return settle(state, index, rules);
    case 'sync settled':
      if (rules.denial === 'by a durable segment') syncNames(state);
      return go('check next');
    case 'ended':
      return go('ended');
  }
}

/** What the acquirer takes over: all that the segment before it holds, made durable as far as it knows how. */
function scan(state: State, process: Process, rules: Rules): void {
  if (rules.tail !== 'trusted') syncFile(state, process.before);
  process.upTo = logAt(state, process.before).length;
  if (rules.tail !== 'written again and synced') return;
  for (const entry of state.segments[process.before]?.entries ?? []) entry.fate = 'durable';
}

function check(state: State, index: number, rules: Rules, sizes: Sizes): string | null | void {
  const process = state.processes[index];
  assert(process !== undefined, 'the process exists');
  const epoch = process.settling === 0 ? process.epoch : Math.abs(process.settling);
  const nextIsAbsent = !isSeen(state.claims, epoch + 1);
  const ownIsPresent = isSeen(state.claims, epoch);
  const [first, second] = {
    'checked last': [nextIsAbsent, ownIsPresent],
    'checked first': [ownIsPresent, nextIsAbsent],
    'not checked': [nextIsAbsent, true],
  }[rules.own];
  if (!(process.step === 'check next' ? first : second)) {
    const doubt = process.settling === 0 && process.appended > 0 && rules.check === 'after the write';
    process.step = doubt ? 'settle' : 'ended';
    return;
  }
  if (process.step === 'check next') process.step = 'check own';
  else if (process.settling !== 0) return verdict(state, index);
  else if (process.appended > 0 && rules.check === 'before the write') process.step = 'write';
  else return acknowledge(state, index, sizes);
}

function acknowledge(state: State, index: number, { appends }: Sizes): string | null {
  const process = state.processes[index];
  assert(process !== undefined, 'the process exists');
  const id = idOf(index, process.appended);
  process.step = process.appended < (appends[index] ?? 0) ? 'append' : 'ended';
  return promise(state, logAt(state, process.epoch).indexOf(id), id);
}

/** What became of a record whose check failed: the newest epoch tells, whose segment is there for good. */
function settle(state: State, index: number, rules: Rules): void {
  const process = state.processes[index];
  assert(process !== undefined, 'the process exists');
  const id = idOf(index, process.appended);
  if (rules.denial === 'at once') {
    process.step = 'ended';
    return deny(state, id);
  }
  const newest = seenIn(state.claims);
  if (newest <= process.epoch || !isSeen(state.names, newest)) return; // it waits
  process.settling = logAt(state, newest).includes(id) ? newest : -newest;
  process.step = 'sync settled';
}
function verdict(state: State, index: number): string | null {
  const process = state.processes[index];
  assert(process !== undefined, 'the process exists');
  const id = idOf(index, process.appended);
  process.step = 'ended';
  if (process.settling > 0) return promise(state, logAt(state, process.settling).indexOf(id), id);
  deny(state, id);
  return null;
}

/** A reader in another process: what is marked in the newest segment, once that segment is seen to be the newest. */
function read(state: State, rules: Rules): string | null {
  const { reader } = state;
  if (reader.step === 'read') {
    reader.epoch = seenIn(state.names);
    // An entry is written after the one before it was synced: all but the last are durable for certain.
    reader.found = logAt(state, reader.epoch, Math.max(0, (state.segments[reader.epoch]?.entries.length ?? 0) - 1));
    reader.step = 'check next';
    return null;
  }
  const nextIsAbsent = !isSeen(state.claims, reader.epoch + 1);
  const ownIsPresent = isSeen(state.claims, reader.epoch) || rules.own === 'not checked';
  const [first, second] = rules.own === 'checked first' ? [ownIsPresent, nextIsAbsent] : [nextIsAbsent, ownIsPresent];
  const passes = reader.step === 'check next' ? first : second;
  if (passes && reader.step === 'check next') reader.step = 'check own';
  else {
    reader.step = 'ended';
    const found = passes ? reader.found : [];
    for (const [at, id] of found.entries()) {
      const doubled = promise(state, at, id);
      if (doubled !== null) return doubled;
    }
  }
  reader.found = reader.step === 'ended' ? [] : reader.found;
  return null;
}

export function trim(state: State, rules: Rules): void {
  if (state.trimUnder === 0) {
    syncNames(state);
    state.trimUnder = seenIn(state.claims);
    return;
  }
  const old = (claim: Name, epoch: number) => claim.seen && epoch < state.trimUnder;
  const going = rules.claims === 'trimmed oldest first' ? state.claims.findIndex(old) : state.claims.findLastIndex(old);
  const claim = state.claims[going];
  if (claim !== undefined) claim.seen = false;
  state.trimmed++;
}

function syncNames(state: State): void {
  for (const name of [...state.claims, ...state.names]) name.durable = name.seen;
}
function syncFile(state: State, epoch: number): void {
  for (const entry of state.segments[epoch]?.entries ?? []) if (entry.fate === 'cached') entry.fate = 'durable';
}
/** What was written is forgotten though it still reads back; who synced is finished. Names stay as they are. */
function failSync(state: State, index: number): void {
  const process = state.processes[index];
  assert(process !== undefined, 'the process exists');
  state.syncFailures++;
  if (process.step === 'sync')
    for (const entry of state.segments[process.epoch]?.entries ?? []) if (entry.fate === 'cached') entry.fate = 'lost';
  process.step = 'ended';
}

interface Kept {
  readonly names: readonly boolean[];
  readonly entries: readonly number[];
}
/** Every subset of unsynced names, and every point after which a segment's entries are gone. */
function powerLosses(state: State): readonly Kept[] {
  let kept: readonly Kept[] = [{ names: [], entries: [] }];
  for (const { seen, durable } of [...state.claims, ...state.names])
    kept = kept.flatMap(({ names, entries }) =>
      [...new Set([seen, durable])].map((one) => ({ names: [...names, one], entries })),
    );
  for (const segment of state.segments) {
    const count = segment?.entries.length ?? 0;
    const durable = segment?.entries.findIndex(({ fate }) => fate !== 'durable') ?? -1;
    const counts = durable < 0 ? [count] : Array.from({ length: count - durable + 1 }, (_, more) => durable + more);
    kept = kept.flatMap(({ names, entries }) => counts.map((one) => ({ names, entries: [...entries, one] })));
  }
  return kept;
}
function losePower(state: State, kept: Kept): void {
  state.powerLosses++;
  for (const [index, name] of [...state.claims, ...state.names].entries())
    name.seen = name.durable = kept.names[index] ?? false;
  for (const [epoch, segment] of state.segments.entries()) {
    if (segment === null) continue;
    segment.entries = segment.entries.slice(0, kept.entries[epoch] ?? 0);
    for (const entry of segment.entries) entry.fate = 'durable';
  }
  for (const process of state.processes) if (process.step !== 'off') process.step = 'ended';
  if (state.reader.step !== 'read') state.reader = { step: 'ended', epoch: 0, found: [] };
  state.trimUnder = 0;
}

/** Two states that differ only in what nobody will look at again are one. */
export function forget(state: State): void {
  for (const [index, process] of state.processes.entries()) {
    if (process.step === 'ended') {
      const nothing = { epoch: 0, appended: 0, before: 0, upTo: 0, settling: 0 };
      state.processes[index] = { step: 'ended', ...nothing };
    } else if (isSeen(state.names, process.epoch)) Object.assign(process, { before: 0, upTo: 0 });
  }
}
