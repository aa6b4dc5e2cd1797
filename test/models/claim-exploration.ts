/**
 * All states that the claim protocol's model can come to, breadth first, so that what is found is found by a shortest
 * way. A state is copied for each change and told from others by a short text: the fields by name would be most of the
 * work.
 */
import {
  begin,
  broken,
  changes,
  forget,
  steps,
  type Name,
  type Rules,
  type Segment,
  type Sizes,
  type State,
} from './claim-protocol.ts';

export interface Explored {
  readonly states: number;
  /** What was broken, after how many steps; null when nothing was. */
  readonly broken: string | null;
}

export function explore(rules: Rules, sizes: Sizes): Explored {
  const first = begin(sizes);
  const known = new Set([keyOf(first)]);
  let level = [first];
  for (let depth = 1; level.length > 0; depth++) {
    const following: State[] = [];
    for (const state of level) {
      for (const change of changes(state, rules, sizes)) {
        const next = copyOf(state);
        const wrong = change(next);
        forget(next);
        const key = keyOf(next);
        const found = wrong ?? (known.has(key) ? null : broken(next));
        if (found !== null) return { states: known.size, broken: `${found}, after ${depth} steps` };
        if (known.has(key)) continue;
        known.add(key);
        following.push(next);
      }
    }
    level = following;
  }
  return { states: known.size, broken: null };
}

const copyOfName = ({ seen, durable }: Name): Name => ({ seen, durable });
const copyOfSegment = ({ before, upTo, entries }: Segment): Segment => ({
  before,
  upTo,
  entries: entries.map(({ id, fate }) => ({ id, fate })),
});

function copyOf(state: State): State {
  return {
    ...state,
    claims: state.claims.map(copyOfName),
    names: state.names.map(copyOfName),
    segments: state.segments.map((segment) => segment && copyOfSegment(segment)),
    processes: state.processes.map((process) => ({ ...process })),
    reader: { ...state.reader, found: [...state.reader.found] },
    acknowledged: [...state.acknowledged],
    denied: [...state.denied],
  };
}

/** Every field of a state, each part with an end of its own, so that no two states have one key. */
function keyOf(state: State): string {
  const { reader } = state;
  let key = `${state.trimmed},${state.trimUnder},${state.powerLosses},${state.syncFailures}|`;
  for (const name of state.claims) key += nameKey(name);
  for (const name of state.names) key += nameKey(name);
  for (const segment of state.segments) {
    key += '|';
    if (segment === null) continue;
    key += `${segment.before},${segment.upTo}`;
    for (const { id, fate } of segment.entries) key += `,${id}${fate[0]}`;
  }
  for (const { step, epoch, appended, before, upTo, settling } of state.processes)
    key += `|${steps.indexOf(step)},${epoch},${appended},${before},${upTo},${settling}`;
  return `${key}|${reader.step}${reader.epoch}${reader.found.join()}|${state.acknowledged.join()}|${state.denied.join()}`;
}

const nameKey = ({ seen, durable }: Name): number => (seen ? 2 : 0) + (durable ? 1 : 0);
