/**
 * Holds a log against the journals of all who wrote and read it. It knows nothing of engines and trusts nobody: what
 * an acknowledgement, a denial, a confirmation and a reader's sight mean is spelt out here once more, from the port's
 * words. What was acknowledged and is not there is counted apart, since an engine may lose by itself.
 */
import type { Entry } from './journal.ts';

/**
 * A record as the judge read it at the end. Of a claim `name` is its owner, null for a release, and `number` is null;
 * both are null for the empty record that confirms.
 */
export interface Found {
  readonly position: number;
  readonly epoch: number;
  readonly sequence: number;
  readonly chain: string;
  readonly name: string | null;
  readonly number: number | null;
}

/** By the name of the process that kept it. */
export type Journals = ReadonlyMap<string, readonly Entry[]>;

export interface Verdict {
  /** What breaks the port's promises, whatever the engine did. */
  readonly problems: readonly string[];
  /** Acknowledged, and not where it was acknowledged: `name:number at position`. */
  readonly lost: readonly string[];
  /** Readers that saw what is no longer there, and said so. */
  readonly diverged: readonly string[];
}

export function judge(log: readonly Found[], journals: Journals): Verdict {
  const lost = lostOf(log, journals);
  const sight = sightOf(log, journals);
  const problems = [
    ...failuresOf(journals),
    ...shapeOf(log),
    ...contentsOf(log, journals),
    ...orderOf(log, journals),
    ...(lost.length > 0 ? [] : confirmationsOf(journals)),
    ...sight.problems,
  ];
  return { problems, lost, diverged: sight.diverged };
}

function failuresOf(journals: Journals): readonly string[] {
  return [...journals].flatMap(([name, entries]) =>
    entries.flatMap((entry) => (entry.kind === 'failed' ? [`${name} failed: ${entry.message}`] : [])),
  );
}

/** Dense positions, epochs that only grow, each beginning with its claim and counting on from it. */
function shapeOf(log: readonly Found[]): readonly string[] {
  const problems: string[] = [];
  let before: Found | null = null;
  for (const record of log) {
    const { position, epoch, sequence } = record;
    if (position !== (before?.position ?? 0) + 1) problems.push(`${position} comes after ${before?.position ?? 0}`);
    const continues = epoch === before?.epoch && sequence === before.sequence + 1;
    const claims = epoch > (before?.epoch ?? 0) && sequence === 0;
    if (!continues && !claims)
      problems.push(`${position}: ${epoch}.${sequence} comes after ${before?.epoch ?? 0}.${before?.sequence ?? 0}`);
    before = record;
  }
  return problems;
}

const keyOf = (name: string, number: number): string => `${name}:${number}`;

/** Everything in it was tried, in that epoch, once, and not denied; of each writer's epoch the first so many. */
function contentsOf(log: readonly Found[], journals: Journals): readonly string[] {
  const problems: string[] = [];
  const tried = new Map<string, number>();
  const denied = new Map<string, string>();
  const firstOf = new Map<string, number>();
  for (const [name, entries] of journals) {
    for (const entry of entries) {
      if (entry.kind === 'denied') denied.set(keyOf(name, entry.number), entry.because);
      if (entry.kind !== 'tries') continue;
      tried.set(keyOf(name, entry.number), entry.epoch);
      const epoch = `${name} in ${entry.epoch}`;
      if (!firstOf.has(epoch)) firstOf.set(epoch, entry.number);
    }
  }
  const nextOf = new Map(firstOf);
  const positions = new Map<string, number>();
  for (const { position, epoch, name, number } of log) {
    if (name === null || number === null) continue;
    const key = keyOf(name, number);
    const earlier = positions.get(key);
    if (earlier !== undefined) problems.push(`${key} is in it twice, at ${earlier} and ${position}`);
    positions.set(key, position);
    if (tried.get(key) !== epoch)
      problems.push(`${key} at ${position} is of epoch ${epoch}; tried in ${tried.get(key)}`);
    const because = denied.get(key);
    if (because !== undefined) problems.push(`${key} was denied (${because}), and is there at ${position}`);
    const turn = `${name} in ${epoch}`;
    if (number !== nextOf.get(turn)) problems.push(`${key} at ${position} where ${nextOf.get(turn)} was next`);
    nextOf.set(turn, number + 1);
  }
  return problems;
}

/** Its acknowledgement says where it stands. */
interface Acknowledged {
  readonly what: string;
  readonly position: number;
  readonly from: number;
  readonly at: number;
}

function acknowledgedOf(journals: Journals): readonly Acknowledged[] {
  const all: Acknowledged[] = [];
  for (const [name, entries] of journals) {
    let from = 0;
    for (const entry of entries) {
      if (entry.kind === 'tries') from = entry.at;
      if (entry.kind === 'leads') all.push({ ...entry, what: claimKey(name, entry.epoch) });
      if (entry.kind === 'acknowledged') all.push({ ...entry, from, what: keyOf(name, entry.number) });
    }
  }
  return all;
}

const claimKey = (name: string, epoch: number): string => `${name}'s claim of ${epoch}`;

const whatIs = ({ name, number, epoch }: Found): string =>
  number === null ? claimKey(name ?? 'nobody', epoch) : keyOf(name ?? '', number);

function lostOf(log: readonly Found[], journals: Journals): readonly string[] {
  const at = new Map(log.map((record) => [record.position, whatIs(record)]));
  return acknowledgedOf(journals)
    .filter(({ what, position }) => at.get(position) !== what)
    .map(({ what, position }) => `${what} at ${position}, where there is ${at.get(position) ?? 'nothing'}`);
}

/** What began after another had been acknowledged stands behind it, whichever processes they were. */
function orderOf(log: readonly Found[], journals: Journals): readonly string[] {
  const there = new Set(log.map((record) => `${record.position} ${whatIs(record)}`));
  const kept = acknowledgedOf(journals).filter(({ what, position }) => there.has(`${position} ${what}`));
  const ended = kept.toSorted((a, b) => a.at - b.at);
  const problems: string[] = [];
  let [next, furthest] = [0, null as Acknowledged | null];
  for (const begun of kept.toSorted((a, b) => a.from - b.from)) {
    for (let one = ended[next]; one !== undefined && one.at < begun.from; one = ended[++next])
      if (one.position > (furthest?.position ?? 0)) furthest = one;
    if (furthest !== null && furthest.position >= begun.position)
      problems.push(`${begun.what} at ${begun.position} began after ${furthest.what} at ${furthest.position} was told`);
  }
  return problems;
}

/** `held`: at some moment after it was asked for nobody else led, so no later epoch had been told before. */
function confirmationsOf(journals: Journals): readonly string[] {
  const claims = [...journals].flatMap(([name, entries]) =>
    entries.flatMap((entry) => (entry.kind === 'leads' ? [{ ...entry, name }] : [])),
  );
  return [...journals].flatMap(([name, entries]) =>
    entries.flatMap((entry) => {
      if (entry.kind !== 'held') return [];
      const later = claims.find(({ epoch, at }) => epoch > entry.epoch && at < entry.from);
      return later === undefined ? [] : [`${name} held ${entry.epoch} after ${later.name} led in ${later.epoch}`];
    }),
  );
}

/**
 * A reader saw a beginning of this log. One that saw something else never saw this log's records behind it, and one
 * that said `diverged` had seen something else: neither silence nor a false alarm.
 */
function sightOf(
  log: readonly Found[],
  journals: Journals,
): { problems: readonly string[]; diverged: readonly string[] } {
  const chains = new Map(log.map(({ position, chain }) => [position, chain]));
  const [problems, diverged]: [string[], string[]] = [[], []];
  for (const [name, entries] of journals) {
    let other: number | null = null;
    for (const entry of entries) {
      if (entry.kind === 'diverged') {
        const { position, expected, found } = entry;
        const said = `${name} at ${position}: expected ${expected}, found ${found}`;
        diverged.push(said);
        if (other === null) problems.push(`all that it saw is there, but it said diverged: ${said}`);
      }
      if (entry.kind !== 'saw') continue;
      if (chains.get(entry.position) !== entry.chain) other ??= entry.position;
      else if (other !== null)
        problems.push(`${name} saw another record at ${other}, and read on up to ${entry.position}`);
    }
  }
  return { problems, diverged };
}
