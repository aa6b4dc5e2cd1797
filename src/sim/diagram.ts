/**
 * Pictures of a run: space-time diagrams as Lamport drew them, with a lifeline per node, time downwards, messages as
 * arrows from their sending to their arrival. As SVG, as a page of HTML with the table of events, and as text for a
 * terminal. All take what the trace holds and draw its last events; none needs anything from outside the file.
 */
import { drawHtml } from './diagram-html.ts';
import { layOut } from './diagram-layout.ts';
import { drawSvg } from './diagram-svg.ts';
import { drawText } from './diagram-text.ts';
import type { TraceEvent } from './trace.ts';

export interface DiagramOptions {
  /** Above the diagram, such as the scenario and its seed. Default: none. */
  readonly title?: string | undefined;
  /** How many events are drawn, the last ones. Default 200; 60 as text. */
  readonly eventCountMax?: number | undefined;
}

export interface TextDiagramOptions extends DiagramOptions {
  /** In characters, default 100. Below 40 it is drawn as for 40. */
  readonly width?: number | undefined;
  /** ANSI colours, default false. */
  readonly color?: boolean | undefined;
}

/** A self-contained SVG, light or dark as the reader's system is. */
export function svgDiagram(events: readonly TraceEvent[], options: DiagramOptions = {}): string {
  return drawSvg(layOut(events, options.eventCountMax ?? 200), options.title ?? null);
}

/** A self-contained page: the SVG, the table of events, and filters by node and kind. */
export function htmlDiagram(events: readonly TraceEvent[], options: DiagramOptions = {}): string {
  return drawHtml(layOut(events, options.eventCountMax ?? 200), options.title ?? null);
}

/** For a terminal: a line per event, ending with a line break. */
export function textDiagram(events: readonly TraceEvent[], options: TextDiagramOptions = {}): string {
  return drawText(layOut(events, options.eventCountMax ?? 60), {
    title: options.title ?? null,
    width: Math.max(40, options.width ?? 100),
    color: options.color ?? false,
  });
}
