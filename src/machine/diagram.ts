/**
 * What both drawings of a table show: one arrow for each pair of states, with the events and the deadline that lead that
 * way; and where states and arrows lie. States lie in layers by their distance from the initial one. An arrow has a row of
 * its own below its state, and the way back up a lane of its own at the right, so that no two arrows share a line and no
 * label lies on another.
 */
import { LockstepError } from '../kernel/errors.ts';
import type { AnyMachine, TransitionTable } from './definition.ts';

export interface Arrow {
  readonly from: string;
  readonly to: string;
  readonly labels: readonly string[];
}

/** @throws LockstepError `misuse` for a machine that is not a table: what leads where is known to its functions alone. */
export function tableOf(machine: AnyMachine): TransitionTable {
  const { table } = machine['~machine'];
  if (table !== null) return table;
  throw new LockstepError('misuse', 'only a machine that is a table of transitions can be drawn', {
    values: { machine: machine.name },
    advice: ['its functions decide what leads where; declare it with fsm() to see it'],
  });
}

export function arrowsOf({ states }: TransitionTable): readonly Arrow[] {
  return Object.entries(states).flatMap(([from, { on, after }]) => {
    const labels = new Map<string, string[]>();
    const ways = Object.entries(on).map(([event, to]) => ({ to, label: event }));
    if (after !== null) ways.push({ to: after.to, label: `after ${after.duration}` });
    for (const { to, label } of ways) labels.set(to, [...(labels.get(to) ?? []), label]);
    return [...labels].map(([to, all]) => ({ from, to, labels: all }));
  });
}

const between = { boxes: 28, rows: 19, lanes: 14, ports: 16 } as const;
const boxHeight = 34;
const margin = 16;
/** Of the monospaced letters, in pixels. */
export const characterWidth = 7.3;

export interface Box {
  readonly state: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Its corners, from the state it leaves to the one it enters, and where its label begins. */
export interface Route extends Arrow {
  readonly points: readonly (readonly [x: number, y: number])[];
  readonly labelX: number;
  readonly labelY: number;
}

export interface Layout {
  readonly boxes: readonly Box[];
  readonly routes: readonly Route[];
  readonly width: number;
  readonly height: number;
}

export function layoutOf(table: TransitionTable): Layout {
  const arrows = arrowsOf(table);
  const layers = layersOf(table, arrows);
  const layerOf = new Map(layers.flatMap((layer, at) => layer.map((state) => [state, at] as const)));
  const isDown = ({ from, to }: Arrow): boolean => (layerOf.get(to) ?? 0) === (layerOf.get(from) ?? 0) + 1;
  const boxes = placed(layers, arrows, isDown);
  const all = [...boxes.values()];
  const right = Math.max(...all.map(({ x, width }) => x + width));
  const routes = routed(arrows, boxes, right, isDown);
  const corners = routes.flatMap(({ points }) => points);
  const labelEnds = routes.map(({ labels, labelX }) => labelX + labels.join(', ').length * characterWidth);
  const bottoms = [...all.map(({ y, height }) => y + height), ...corners.map(([, y]) => y)];
  return {
    boxes: all,
    routes,
    width: Math.ceil(Math.max(right, ...corners.map(([x]) => x), ...labelEnds)) + margin,
    height: Math.ceil(Math.max(...bottoms)) + margin,
  };
}

/** By the distance from the initial state; what cannot be reached lies below all that can. */
function layersOf(table: TransitionTable, arrows: readonly Arrow[]): readonly (readonly string[])[] {
  const layers: string[][] = [];
  const seen = new Set<string>();
  let layer = [table.initial];
  while (layer.length > 0) {
    for (const state of layer) seen.add(state);
    layers.push(layer);
    const next = arrows.filter(({ from, to }) => layers.at(-1)?.includes(from) === true && !seen.has(to));
    layer = [...new Set(next.map(({ to }) => to))];
  }
  const unreached = Object.keys(table.states).filter((state) => !seen.has(state));
  return unreached.length === 0 ? layers : [...layers, unreached];
}

/** Below each layer there is a row for each arrow that leaves it, above it one for each that comes back by a lane. */
function placed(
  layers: readonly (readonly string[])[],
  arrows: readonly Arrow[],
  isDown: (arrow: Arrow) => boolean,
): ReadonlyMap<string, Box> {
  const boxes = new Map<string, Box>();
  let y = margin;
  for (const layer of layers) {
    const inLayer = (state: string): boolean => layer.includes(state);
    y += between.rows * arrows.filter((arrow) => inLayer(arrow.to) && !isDown(arrow)).length;
    let x = margin;
    for (const state of layer) {
      const ports = Math.max(
        arrows.filter(({ from }) => from === state).length,
        arrows.filter(({ to }) => to === state).length,
      );
      const width = Math.ceil(Math.max(state.length * characterWidth + 24, (ports + 1) * between.ports));
      boxes.set(state, { state, x, y, width, height: boxHeight });
      x += width + between.boxes;
    }
    y += boxHeight + between.rows * (1 + arrows.filter(({ from }) => inLayer(from)).length);
  }
  return boxes;
}

function routed(
  arrows: readonly Arrow[],
  boxes: ReadonlyMap<string, Box>,
  right: number,
  isDown: (arrow: Arrow) => boolean,
): readonly Route[] {
  const rowsBelow = new Map<number, number>();
  const rowsAbove = new Map<number, number>();
  let lanes = 0;
  const nextRow = (rows: Map<number, number>, y: number): number => {
    const row = (rows.get(y) ?? 0) + 1;
    rows.set(y, row);
    return row * between.rows;
  };
  return arrows.map((arrow) => {
    const [from, to] = [boxes.get(arrow.from) as Box, boxes.get(arrow.to) as Box];
    const leaving = arrows.filter((one) => one.from === arrow.from);
    const entering = arrows.filter((one) => one.to === arrow.to);
    const [startX, endX] = [portOf(from, leaving, arrow, 0), portOf(to, entering, arrow, 1)];
    const rowY = from.y + from.height + nextRow(rowsBelow, from.y);
    const label = { labelX: startX + 5, labelY: rowY - 4 };
    const start = [startX, from.y + from.height] as const;
    if (isDown(arrow)) return { ...arrow, ...label, points: [start, [startX, rowY], [endX, rowY], [endX, to.y]] };
    const laneX = right + 24 + lanes++ * between.lanes;
    const backY = to.y - nextRow(rowsAbove, to.y) + between.rows / 4;
    const points = [start, [startX, rowY], [laneX, rowY], [laneX, backY], [endX, backY], [endX, to.y]] as const;
    return { ...arrow, ...label, points };
  });
}

/**
 * The arrows of one side of a box share it evenly, in their order; those that leave stand on the even marks of a grid and
 * those that enter on the odd ones, so that none goes down where another does.
 */
function portOf(box: Box, side: readonly Arrow[], arrow: Arrow, entering: 0 | 1): number {
  const x = box.x + (box.width * (side.indexOf(arrow) + 1)) / (side.length + 1);
  const step = between.ports / 2;
  return Math.round(x / step) * step + (entering * step) / 2;
}
