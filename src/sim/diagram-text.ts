/**
 * A space-time diagram in characters: a line per event, lifelines as columns. A line cannot slant, so a message is
 * drawn twice, leaving (`●──▷`) and arriving (`──▶●`), with its number; in one stroke when nothing lies between.
 */
import { printable } from '../kernel/printable.ts';
import type { DiagramArrow, DiagramLayout, DiagramRow, DiagramSpan } from './diagram-layout.ts';
import { cut, cutStart, durationText, eventText, timeText, wrap } from './diagram-words.ts';
import type { TraceKind } from './trace.ts';

interface TextStyle {
  readonly title: string | null;
  readonly width: number;
  readonly color: boolean;
}

const timeWidth = 11;
/** What words should have, and what they have at least when there are many nodes. */
const textLength = 40;
const textLengthMin = 18;
const failLineCountMax = 12;

/** ANSI codes by what a reader should see first. */
const colors = { plain: '', soft: '2', message: '36', good: '32', warn: '33', note: '35;1', bad: '31;1' } as const;
type Color = keyof typeof colors;

const looks: Readonly<Record<TraceKind, { readonly glyph: string; readonly color: Color }>> = {
  send: { glyph: '●', color: 'message' },
  deliver: { glyph: '●', color: 'message' },
  lost: { glyph: '✕', color: 'bad' },
  connect: { glyph: '·', color: 'soft' },
  timer: { glyph: '·', color: 'soft' },
  disk: { glyph: '■', color: 'plain' },
  job: { glyph: '◆', color: 'plain' },
  start: { glyph: '▼', color: 'good' },
  end: { glyph: '○', color: 'soft' },
  crash: { glyph: '✖', color: 'bad' },
  pause: { glyph: '‖', color: 'warn' },
  resume: { glyph: '▸', color: 'warn' },
  cut: { glyph: '┿', color: 'bad' },
  mend: { glyph: '┼', color: 'good' },
  clock: { glyph: '◷', color: 'warn' },
  fault: { glyph: '▲', color: 'bad' },
  note: { glyph: '◉', color: 'note' },
  fail: { glyph: '✗', color: 'bad' },
};

export function drawText(layout: DiagramLayout, style: TextStyle): string {
  const lanes = new Lanes(layout, style);
  const lines: string[] = [];
  if (style.title !== null) lines.push(cut(printable(style.title), style.width), '');
  if (layout.hiddenCount > 0) lines.push(lanes.paint(`${layout.hiddenCount} earlier events are not drawn`, 'soft'));
  lines.push(lanes.heads());
  for (let index = 0; index < layout.rows.length; index++) {
    const row = layout.rows[index] as DiagramRow;
    if (row.gapMs !== null) lines.push(lanes.gap(row.gapMs));
    if (row.event.kind === 'fail') {
      lines.push(...lanes.fail(row));
    } else if (lanes.arrivesNext(index)) {
      lines.push(lanes.line(row, index, index + 1));
      index++;
    } else {
      lines.push(lanes.line(row, index, index));
    }
  }
  return lines.map((text) => `${text.trimEnd()}\n`).join('');
}

interface Cell {
  readonly text: string;
  readonly color: Color;
}

class Lanes {
  readonly #layout: DiagramLayout;
  readonly #style: TextStyle;
  readonly #laneWidth: number;
  /** The time that stands in the line above. */
  #shownMs: number | null = null;
  readonly #bySent = new Map<number, DiagramArrow>();
  readonly #byArrived = new Map<number, DiagramArrow>();

  constructor(layout: DiagramLayout, style: TextStyle) {
    this.#layout = layout;
    this.#style = style;
    const room = style.width - timeWidth - textLength;
    this.#laneWidth = Math.max(4, Math.min(14, Math.floor(room / Math.max(1, layout.nodes.length))));
    for (const arrow of layout.arrows) {
      if (arrow.fromRow !== null) this.#bySent.set(arrow.fromRow, arrow);
      if (arrow.toRow !== null) this.#byArrived.set(arrow.toRow, arrow);
    }
  }

  paint(text: string, color: Color): string {
    return this.#style.color && colors[color] !== '' ? `\u001b[${colors[color]}m${text}\u001b[0m` : text;
  }

  heads(): string {
    const names = this.#layout.nodes.map((node) =>
      cutStart(printable(node), this.#laneWidth - 1).padEnd(this.#laneWidth),
    );
    return `${'ms'.padStart(timeWidth - 2)}  ${names.join('')}`;
  }

  gap(gapMs: number): string {
    const lanes = this.#layout.nodes.map(() => '⋮'.padEnd(this.#laneWidth)).join('');
    return this.paint(`${''.padEnd(timeWidth)}${lanes}${durationText(gapMs)} later`, 'soft');
  }

  fail({ event }: DiagramRow): readonly string[] {
    const text = event.text.split('\n').map(printable).join('\n');
    const where = event.node === 'world' ? '' : `${printable(event.node)}: `;
    return wrap(`✗ ${where}${text}`, this.#style.width, failLineCountMax).map((line) => this.paint(line, 'bad'));
  }

  /** Whether the row's message arrives in the very next row, at the same time of day or later. */
  arrivesNext(index: number): boolean {
    const arrow = this.#bySent.get(index);
    return arrow?.end === 'delivered' && arrow.toRow === index + 1 && this.#layout.rows[index + 1]?.gapMs === null;
  }

  line(row: DiagramRow, fromIndex: number, toIndex: number): string {
    const { event } = row;
    const time = (this.#shownMs === event.atMs ? '' : timeText(event.atMs)).padStart(timeWidth - 2);
    this.#shownMs = event.atMs;
    const used = timeWidth + this.#laneWidth * this.#layout.nodes.length;
    const tookMs = (this.#layout.rows[toIndex]?.event.atMs ?? event.atMs) - event.atMs;
    const took = fromIndex === toIndex ? '' : `(${durationText(tookMs)}) `;
    const number = event.message === null ? '' : `#${event.message} ${took}`;
    const words = cut(`${number}${printable(eventText(event))}`, Math.max(textLengthMin, this.#style.width - used));
    const { color } = looks[event.kind];
    const lanes = this.#cells(row, fromIndex, toIndex);
    return `${this.paint(time, 'soft')}  ${lanes}${this.paint(words, color === 'message' ? 'plain' : color)}`;
  }

  #cells(row: DiagramRow, fromIndex: number, toIndex: number): string {
    const count = this.#layout.nodes.length;
    const cells: Cell[] = Array.from({ length: count * this.#laneWidth }, () => ({
      text: ' ',
      color: 'plain',
    }));
    for (let column = 0; column < count; column++) cells[column * this.#laneWidth] = this.#lifeline(column, fromIndex);
    const { glyph, color } = looks[row.event.kind];
    const sent = this.#bySent.get(fromIndex);
    const arrived = this.#byArrived.get(toIndex);
    const arrow = sent ?? arrived;
    if (arrow !== undefined) this.#stroke(cells, arrow, sent !== undefined, arrived !== undefined);
    else if (row.column !== null) cells[row.column * this.#laneWidth] = { text: glyph, color };
    return this.#painted(cells);
  }

  /** One code per run of one colour. */
  #painted(cells: readonly Cell[]): string {
    let [line, run]: [string, Cell] = ['', { text: '', color: 'plain' }];
    for (const { text, color } of cells) {
      if (text === ' ' || color === run.color) {
        run = { text: run.text + text, color: run.color };
        continue;
      }
      line += this.paint(run.text, run.color);
      run = { text, color };
    }
    return line + this.paint(run.text, run.color);
  }

  #stroke(cells: Cell[], arrow: DiagramArrow, leaves: boolean, arrives: boolean): void {
    const color: Color = arrow.end === 'lost' ? 'bad' : 'message';
    const [from, to] = [arrow.fromColumn * this.#laneWidth, arrow.toColumn * this.#laneWidth];
    const step = to > from ? 1 : -1;
    for (let at = from + step; from !== to && at !== to; at += step) {
      const crossed = at % this.#laneWidth === 0;
      cells[at] = { text: crossed ? '┼' : '─', color };
    }
    if (leaves) cells[from] = { text: '●', color };
    if (arrives && arrow.end === 'delivered') cells[to] = { text: '●', color };
    if (from === to) return;
    const head = !arrives ? '▷◁' : arrow.end === 'lost' ? '✕✕' : '▶◀';
    cells[to - step] = { text: head.charAt(step > 0 ? 0 : 1), color };
  }

  #lifeline(column: number, row: number): Cell {
    const here = (span: DiagramSpan): boolean => span.column === column && span.fromRow <= row && row < span.toRow;
    const kinds = this.#layout.spans.filter((span) => span.kind !== 'cut' && here(span)).map(({ kind }) => kind);
    if (kinds.includes('dead')) return { text: '╎', color: 'bad' };
    if (kinds.includes('absent')) return { text: ' ', color: 'soft' };
    if (kinds.includes('paused')) return { text: '░', color: 'warn' };
    return { text: '│', color: 'soft' };
  }
}
