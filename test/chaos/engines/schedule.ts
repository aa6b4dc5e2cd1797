/**
 * What goes wrong when: drawn from a seed before anything begins, so that two runs of one seed are hurt alike (what
 * they then do is the machine's affair). Of one target only one thing is wrong at a time; different targets overlap.
 */
import { SeededRandom } from '../../../src/kernel/random.ts';

export type FaultKind =
  | 'kill-process'
  | 'stop-process'
  | 'cut'
  | 'refuse'
  | 'delay'
  | 'black-hole'
  | 'kill-node'
  | 'stop-node'
  | 'kill-majority'
  | 'kill-all';

export interface Fault {
  readonly kind: FaultKind;
  readonly atMs: number;
  /** Then it is undone: what was killed starts again, what was stopped goes on. */
  readonly forMs: number;
  /** A process by its name, or a node by its number. */
  readonly target: string;
  /** Of faults of the network. */
  readonly direction: 'to-server' | 'to-client' | 'both';
  readonly delayMs: number;
}

export interface Victims {
  /** That may be killed and stopped. */
  readonly processes: readonly string[];
  /** Whose connections may be hurt. */
  readonly clients: readonly string[];
  readonly nodeCount: number;
}

/** How often each is drawn, and how long it lasts, in milliseconds. */
const kinds: Readonly<Record<FaultKind, { readonly weight: number; readonly forMs: readonly [number, number] }>> = {
  'kill-process': { weight: 4, forMs: [50, 800] },
  'stop-process': { weight: 4, forMs: [300, 5_000] },
  cut: { weight: 4, forMs: [0, 0] },
  refuse: { weight: 2, forMs: [100, 2_500] },
  delay: { weight: 3, forMs: [300, 4_000] },
  'black-hole': { weight: 4, forMs: [300, 5_000] },
  'kill-node': { weight: 4, forMs: [0, 3_000] },
  'stop-node': { weight: 3, forMs: [200, 4_000] },
  'kill-majority': { weight: 2, forMs: [200, 3_000] },
  'kill-all': { weight: 1, forMs: [100, 1_000] },
};
const delayMsMax = 400;
/** Between two faults of the servers, so that they find together again. */
const nodesRestMs = 2_500;
const gapMs = [150, 1_200] as const;

/** Faults in the order of their beginning; all are over by `endMs`. */
export function scheduleOf(seed: string, victims: Victims, beginMs: number, endMs: number): readonly Fault[] {
  const random = new SeededRandom(seed);
  const freeAt = new Map<string, number>();
  const faults: Fault[] = [];
  for (let atMs = beginMs; atMs < endMs; atMs += Math.round(random.between(...gapMs))) {
    const kind = drawKind(random, victims.nodeCount);
    const [least, most] = kinds[kind].forMs;
    const forMs = Math.round(random.between(least, most));
    const [group, targets] = groupOf(kind, victims);
    const target = targets.length === 0 ? null : random.pick(targets);
    const direction = random.pick(['to-server', 'to-client', 'both'] as const);
    const delayMs = Math.round(random.between(5, delayMsMax));
    if (target === null || atMs + forMs >= endMs) continue;
    const place = group === 'nodes' ? group : `${group} ${target}`;
    if ((freeAt.get(place) ?? 0) > atMs) continue;
    freeAt.set(place, atMs + forMs + (group === 'nodes' ? nodesRestMs : 0));
    faults.push({ kind, atMs, forMs, target, direction, delayMs });
  }
  return faults;
}

function drawKind(random: SeededRandom, nodeCount: number): FaultKind {
  const all = Object.entries(kinds) as [FaultKind, { readonly weight: number }][];
  const possible = all.filter(([kind]) => kind !== 'kill-majority' || nodeCount > 2);
  let ticket = random.below(possible.reduce((sum, [, { weight }]) => sum + weight, 0));
  for (const [kind, { weight }] of possible) {
    if (ticket < weight) return kind;
    ticket -= weight;
  }
  throw new Error('a ticket belongs to one of them');
}

/** What must not be hurt twice at once, and who may be drawn. */
function groupOf(kind: FaultKind, { processes, clients, nodeCount }: Victims): [string, readonly string[]] {
  if (kind === 'kill-process' || kind === 'stop-process') return ['process', processes];
  if (kind === 'cut' || kind === 'refuse' || kind === 'delay' || kind === 'black-hole') return ['network', clients];
  return ['nodes', Array.from({ length: nodeCount }, (_, node) => String(node))];
}

export function printFault({ kind, atMs, forMs, target, direction, delayMs }: Fault): string {
  const how = kind === 'delay' ? ` ${direction} by ${delayMs} ms` : kind === 'black-hole' ? ` ${direction}` : '';
  const where = kind === 'kill-majority' || kind === 'kill-all' ? '' : ` ${target}`;
  const lasting = forMs === 0 ? '' : `, for ${forMs} ms`;
  return `${(atMs / 1_000).toFixed(1).padStart(7)} s  ${kind}${where}${how}${lasting}`;
}
