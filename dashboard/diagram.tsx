/** A table of transitions, drawn where `layoutOf` of the machine's own diagram puts it, with the state that it is in marked, and in view. */
import { useEffect, useRef } from 'preact/hooks';
import type { JSX } from 'preact';
import type { TransitionTable } from '../src/machine/definition.ts';
import { layoutOf, type Box, type Route } from '../src/machine/diagram.ts';

export interface DiagramAbout {
  readonly name: string;
  readonly table: TransitionTable;
  /** The state it is in; null: none. */
  readonly current: string | null;
  /** The state it was in before the event that is looked at. */
  readonly before?: string | null;
}

export function Diagram({ name, table, current, before = null }: DiagramAbout): JSX.Element {
  const { boxes, routes, width, height } = layoutOf(table);
  const isTaken = ({ from, to }: Route): boolean => from === before && to === current;
  const frame = useRef<HTMLDivElement>(null);
  const shown = boxes.find(({ state }) => state === current);
  useEffect(() => {
    if (shown === undefined || frame.current === null) return;
    const { clientWidth, clientHeight } = frame.current;
    frame.current.scrollTo(shown.x - clientWidth / 2, shown.y - clientHeight / 2);
  }, [current]);
  return (
    <div ref={frame} class="scroll tall" role="region" aria-label={`Diagram of ${name}`} tabIndex={0}>
      <svg
        class="diagram"
        width={width}
        height={height}
        viewBox={`0 0 ${width} ${height}`}
        role="img"
        aria-label={current === null ? `States of ${name}` : `States of ${name}; it is in ${current}`}
      >
        {routes.map((route) => (
          <Way key={`${route.from}>${route.to}`} route={route} isTaken={isTaken(route)} />
        ))}
        {boxes.map((box) => (
          <State key={box.state} box={box} kind={kindOf(box, table, routes)} isCurrent={box.state === current} />
        ))}
        {routes.map(({ from, to, labels, labelX, labelY }) => (
          <text key={`${from}>${to}`} class="label" x={labelX} y={labelY}>
            {labels.join(', ')}
          </text>
        ))}
      </svg>
    </div>
  );
}

function kindOf({ state }: Box, { initial }: TransitionTable, routes: readonly Route[]): string {
  if (state === initial) return 'state initial';
  return routes.some(({ from }) => from === state) ? 'state' : 'state final';
}

function State({ box, kind, isCurrent }: { readonly box: Box; readonly kind: string; readonly isCurrent: boolean }) {
  const { state, x, y, width, height } = box;
  return (
    <g class={isCurrent ? 'current' : ''}>
      <rect class={kind} x={x} y={y} width={width} height={height} rx={8} />
      <text class="name" x={x + width / 2} y={y + height / 2 + 4}>
        {state}
      </text>
    </g>
  );
}

function Way({ route, isTaken }: { readonly route: Route; readonly isTaken: boolean }): JSX.Element {
  const { from, to, labels, points } = route;
  const [endX, endY] = points.at(-1) ?? [0, 0];
  return (
    <g class={isTaken ? 'arrow taken' : 'arrow'}>
      <title>{`${from} → ${to}: ${labels.join(', ')}`}</title>
      <path class="way" d={points.map(([x, y], at) => `${at === 0 ? 'M' : 'L'}${x} ${y}`).join('')} />
      <path class="tip" d={`M${endX} ${endY}l-4 -9h8Z`} />
    </g>
  );
}
