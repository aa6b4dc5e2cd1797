/**
 * A space-time diagram as SVG: times on the left, lifelines in the middle, what happened in words on the right, one
 * row per event, so that no label ever lies on another. Colours follow the reader's light or dark setting.
 */
import { unreachable } from '../kernel/assert.ts';
import { escapeXml } from '../kernel/xml.ts';
import type { DiagramArrow, DiagramLayout, DiagramRow, DiagramSpan } from './diagram-layout.ts';
import { cut, cutStart, durationText, eventText, filterable, timeText, wrap } from './diagram-words.ts';
import type { TraceEvent, TraceKind } from './trace.ts';

const rowHeight = 22;
const gapHeight = 20;
const lineHeight = 17;
const timeWidth = 96;
const textWidth = 404;
const textLengthMax = 54;
const failLineCountMax = 8;

const style = `
.ls-diagram{--paper:#fff;--ink:#1f2430;--soft:#6b7385;--line:#b9c0cf;--faint:#eef0f5;--message:#2f6fd6;--lost:#c7362f;--good:#218a4c;--warn:#b26a00;--note:#6a46c9;--bad:#fdeceb;--shade:#f1e6cf;
font:12px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}
@media (prefers-color-scheme:dark){.ls-diagram{--paper:#14171d;--ink:#dfe3ec;--soft:#8d97ab;--line:#48505f;--faint:#1d222b;--message:#78a9ff;--lost:#ff7b72;--good:#56c981;--warn:#e3a94a;--note:#b79bff;--bad:#3a1d1e;--shade:#3a3322}}
.ls-diagram .paper{fill:var(--paper)}.ls-diagram text{fill:var(--ink)}.ls-diagram .soft{fill:var(--soft)}
.ls-diagram .stripe{fill:var(--faint)}.ls-diagram .odd{opacity:0}.ls-diagram .life{stroke:var(--line);stroke-width:1.5}
.ls-diagram .head{fill:var(--paper);stroke:var(--line)}.ls-diagram .name{font-weight:600;text-anchor:middle}
.ls-diagram .time{text-anchor:end;fill:var(--soft)}.ls-diagram .leader{stroke:var(--line);stroke-dasharray:1 4}
.ls-diagram .blank{stroke:var(--paper);stroke-width:5}.ls-diagram .dead{stroke:var(--lost);stroke-width:1.5;stroke-dasharray:3 4}
.ls-diagram .absent{stroke:var(--line);stroke-width:1.5;stroke-dasharray:1 5}
.ls-diagram .paused{fill:var(--shade);stroke:var(--warn);stroke-width:.75}.ls-diagram .cutoff{stroke:var(--lost);stroke-width:3;opacity:.55}
.ls-diagram .arrow{stroke:var(--message);stroke-width:1.4;fill:none}.ls-diagram .tip{fill:var(--message)}
.ls-diagram .lost{stroke:var(--lost);stroke-width:1.6;fill:none}.ls-diagram .crash{stroke:var(--lost);stroke-width:3;fill:none}.ls-diagram .under-way{stroke-dasharray:4 3;opacity:.7}
.ls-diagram .g{fill:var(--soft)}.ls-diagram .g-message{fill:var(--message)}.ls-diagram .g-good{fill:var(--good)}.ls-diagram .g-warn{fill:var(--warn)}.ls-diagram .g-note{fill:var(--note)}.ls-diagram .g-bad{fill:var(--lost)}
.ls-diagram .open{fill:var(--paper);stroke:var(--soft);stroke-width:1.5}
.ls-diagram text.t-good{fill:var(--good)}.ls-diagram text.t-warn{fill:var(--warn)}.ls-diagram text.t-note{fill:var(--note);font-weight:600}.ls-diagram text.t-bad{fill:var(--lost);font-weight:600}
.ls-diagram .fail{fill:var(--bad);stroke:var(--lost)}.ls-diagram .row:hover .stripe{fill:var(--line);opacity:.4}
`;

/** Where rows and columns lie, in pixels. */
class Geometry {
  readonly layout: DiagramLayout;
  readonly laneWidth: number;
  readonly headY: number;
  readonly topY: number;
  readonly bottomY: number;
  readonly textX: number;
  readonly width: number;
  readonly height: number;
  readonly failLengthMax: number;
  readonly #rowY: number[] = [];

  constructor(layout: DiagramLayout, titled: boolean) {
    this.layout = layout;
    const count = layout.nodes.length;
    this.laneWidth = count <= 3 ? 150 : count <= 5 ? 118 : count <= 8 ? 92 : 76;
    this.textX = timeWidth + count * this.laneWidth + 20;
    this.width = this.textX + textWidth;
    this.failLengthMax = Math.floor((this.width - 64) / 7.3);
    this.headY = titled ? 44 : 12;
    this.topY = this.headY + 36;
    let y = this.topY + (layout.hiddenCount > 0 ? 18 : 0);
    for (const row of layout.rows) {
      if (row.gapMs !== null) y += gapHeight;
      const height = this.heightOf(row);
      this.#rowY.push(y + height / 2);
      y += height;
    }
    this.bottomY = y + 6;
    this.height = this.bottomY + 44;
  }

  x(column: number): number {
    return timeWidth + (column + 0.5) * this.laneWidth;
  }

  y(row: number): number {
    return row < 0 ? this.topY : (this.#rowY[row] ?? this.bottomY);
  }

  heightOf(row: DiagramRow): number {
    return row.event.kind === 'fail' ? this.failLines(row).length * lineHeight + 20 : rowHeight;
  }

  failLines({ event }: DiagramRow): readonly string[] {
    return wrap(`✗ ${eventText(event)}`, this.failLengthMax, failLineCountMax);
  }
}

export function drawSvg(layout: DiagramLayout, title: string | null): string {
  const geometry = new Geometry(layout, title !== null);
  const { width, height } = geometry;
  const name = title ?? 'space-time diagram';
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" class="ls-diagram" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeXml(name)}">`,
    `<style>${style}</style>`,
    `<rect class="paper" width="${width}" height="${height}"/>`,
    title === null ? '' : `<text x="16" y="28" font-size="14" font-weight="600">${escapeXml(title)}</text>`,
    ...layout.rows.map((row, index) => drawRow(geometry, row, index)),
    ...layout.nodes.map((_, column) =>
      line('life', geometry.x(column), geometry.topY, geometry.x(column), geometry.bottomY),
    ),
    ...layout.spans.map((span, index) => drawSpan(geometry, span, index)),
    ...layout.rows.map((row, index) => drawGap(geometry, row, index)),
    ...layout.arrows.map((arrow) => drawArrow(geometry, arrow)),
    ...layout.rows.map(({ event, column }, index) => {
      if (column === null) return '';
      const attributes = filterable(event.kind, event.node, event.peer);
      return `<g ${attributes}>${glyphOf(event.kind, geometry.x(column), geometry.y(index))}</g>`;
    }),
    ...layout.rows.map((row, index) => drawFail(geometry, row, index)),
    ...layout.nodes.flatMap((node, column) =>
      [geometry.headY, geometry.bottomY].map((y) => drawHead(geometry, node, column, y)),
    ),
    layout.hiddenCount === 0
      ? ''
      : `<text class="soft" x="${geometry.textX}" y="${geometry.topY + 12}">${layout.hiddenCount} earlier events are not drawn</text>`,
    '</svg>\n',
  ]
    .filter((part) => part !== '')
    .join('\n');
}

/** The row's stripe, time and words; hovering shows all of it. */
function drawRow(geometry: Geometry, row: DiagramRow, index: number): string {
  const { event, column } = row;
  if (event.kind === 'fail') return '';
  const height = geometry.heightOf(row);
  const y = geometry.y(index);
  const before = geometry.layout.rows[index - 1]?.event.atMs;
  const time =
    before === event.atMs ? '' : `<text class="time" x="${timeWidth - 18}" y="${y + 4}">${timeText(event.atMs)}</text>`;
  const stripe = `<rect class="stripe${index % 2 === 0 ? '' : ' odd'}" x="0" y="${y - height / 2}" width="${geometry.width}" height="${height}"/>`;
  const leader = column === null ? '' : line('leader', geometry.x(column) + 12, y, geometry.textX - 8, y);
  const words = `<text class="t-${tones[event.kind]}" x="${geometry.textX}" y="${y + 4}">${escapeXml(cut(eventText(event), textLengthMax))}</text>`;
  return `${openRow(event)}${stripe}${leader}${time}${words}</g>`;
}

/** What was found, in a band across everything. */
function drawFail(geometry: Geometry, row: DiagramRow, index: number): string {
  if (row.event.kind !== 'fail') return '';
  const height = geometry.heightOf(row);
  const top = geometry.y(index) - height / 2 + 4;
  const lines = geometry
    .failLines(row)
    .map(
      (text, number) => `<text class="t-bad" x="30" y="${top + 18 + number * lineHeight}">${escapeXml(text)}</text>`,
    );
  const band = `<rect class="fail" x="16" y="${top}" width="${geometry.width - 32}" height="${height - 8}" rx="5"/>`;
  return `${openRow(row.event)}${band}${lines.join('')}</g>`;
}

/** Everything about an event is in the tooltip; the attributes are what filters go by. */
function openRow(event: TraceEvent): string {
  const whole = `${timeText(event.atMs)} ms, event ${event.sequence}: ${event.kind}\n${eventText(event)}`;
  return `<g class="row" ${filterable(event.kind, event.node, event.peer)}><title>${escapeXml(whole)}</title>`;
}

function drawGap(geometry: Geometry, { event, gapMs }: DiagramRow, index: number): string {
  if (gapMs === null || event.kind === 'fail') return '';
  const y = geometry.y(index) - rowHeight / 2 - gapHeight / 2;
  const breaks = geometry.layout.nodes.map((_, column) => {
    const x = geometry.x(column);
    return `${line('blank', x, y - 5, x, y + 5)}<path class="life" fill="none" d="M${x - 6} ${y - 3}l12 -4M${x - 6} ${y + 7}l12 -4"/>`;
  });
  return `${breaks.join('')}<text class="time" font-style="italic" x="${timeWidth - 18}" y="${y + 4}">+ ${durationText(gapMs)}</text>`;
}

function drawSpan(geometry: Geometry, span: DiagramSpan, index: number): string {
  const { kind, column, peerColumn } = span;
  const [x, top, bottom] = [geometry.x(column), geometry.y(span.fromRow), geometry.y(span.toRow)];
  const node = escapeXml(geometry.layout.nodes[column] ?? '');
  switch (kind) {
    case 'dead':
    case 'absent':
      return `<g><title>${node} ${kind === 'dead' ? 'is down' : 'does not run'}</title>${line('blank', x, top, x, bottom)}${line(kind, x, top, x, bottom)}</g>`;
    case 'paused':
      return `<g><title>${node} is paused</title><rect class="paused" x="${x - 7}" y="${top}" width="14" height="${bottom - top}" rx="3"/></g>`;
    case 'cut': {
      const side = peerColumn !== null && peerColumn < column ? -1 : 1;
      const beside = x + side * (9 + (index % 3) * 4);
      const peer = escapeXml(geometry.layout.nodes[peerColumn ?? -1] ?? 'others');
      return `<g><title>${node} → ${peer} is cut</title>${line('cutoff', beside, top, beside, bottom)}</g>`;
    }
  }
}

function drawArrow(geometry: Geometry, arrow: DiagramArrow): string {
  const { layout } = geometry;
  const fromX = geometry.x(arrow.fromColumn);
  const toX = geometry.x(arrow.toColumn);
  const way = toX - fromX;
  const to = { x: toX, y: arrow.toRow === null ? geometry.y((arrow.fromRow ?? 0) + 1) : geometry.y(arrow.toRow) };
  const from = { x: fromX, y: arrow.fromRow === null ? to.y - rowHeight * 0.7 : geometry.y(arrow.fromRow) };
  if (arrow.fromRow === null) from.x = toX - way * 0.45;
  if (arrow.toRow === null) to.x = fromX + way * 0.45;
  if (arrow.end === 'lost' && arrow.fromRow !== null) {
    // Seldom is it lost at its very goal; and the cross must not hide what the goal does.
    to.x = toX - Math.sign(way) * geometry.laneWidth * 0.4;
  }
  const [sender, goal] = [layout.nodes[arrow.fromColumn] ?? '', layout.nodes[arrow.toColumn] ?? ''];
  const title = `<title>${escapeXml(`${sender} → ${goal}, ${arrow.end.replace('-', ' ')}: ${arrow.text}`)}</title>`;
  const group = `<g ${filterable('send', sender, goal)}>${title}`;
  const kind = arrow.end === 'lost' ? 'lost' : `arrow ${arrow.end}`;
  if (way === 0) {
    const bend = fromX + geometry.laneWidth * 0.3;
    const path = `M${from.x} ${from.y}C${bend} ${from.y} ${bend} ${to.y} ${to.x + 6} ${to.y}`;
    return `${group}<path class="${kind}" d="${path}"/>${arrow.end === 'delivered' ? tip(to.x + 4, to.y, -1, 0) : ''}</g>`;
  }
  const length = Math.hypot(to.x - from.x, to.y - from.y) || 1;
  const [stepX, stepY] = [(to.x - from.x) / length, (to.y - from.y) / length];
  const shaft = line(kind, from.x + stepX * 5, from.y + stepY * 5, to.x - stepX * 5, to.y - stepY * 5);
  const cross = `<path class="lost" d="M${n(to.x - 5)} ${n(to.y - 5)}l10 10m0 -10l-10 10"/>`;
  const end =
    arrow.end === 'lost'
      ? cross
      : arrow.end === 'delivered'
        ? tip(to.x - stepX * 4, to.y - stepY * 4, stepX, stepY)
        : '';
  return `${group}${shaft}${end}</g>`;
}

/** An arrow's head, pointing along (stepX, stepY). */
function tip(x: number, y: number, stepX: number, stepY: number): string {
  const [backX, backY] = [x - stepX * 9, y - stepY * 9];
  const [sideX, sideY] = [-stepY * 4, stepX * 4];
  return `<path class="tip" d="M${n(x)} ${n(y)}L${n(backX + sideX)} ${n(backY + sideY)}L${n(backX - sideX)} ${n(backY - sideY)}Z"/>`;
}

const tones: Readonly<Record<TraceKind, 'plain' | 'soft' | 'good' | 'warn' | 'note' | 'bad'>> = {
  send: 'plain',
  deliver: 'plain',
  lost: 'bad',
  connect: 'soft',
  timer: 'soft',
  disk: 'plain',
  job: 'plain',
  start: 'good',
  end: 'soft',
  crash: 'bad',
  pause: 'warn',
  resume: 'warn',
  cut: 'bad',
  mend: 'good',
  clock: 'warn',
  fault: 'bad',
  note: 'note',
  fail: 'bad',
};

/** What stands on the lifeline: one shape per kind. */
function glyphOf(kind: TraceKind, x: number, y: number): string {
  switch (kind) {
    case 'send':
    case 'deliver':
      return `<circle class="g-message" cx="${x}" cy="${n(y)}" r="3.5"/>`;
    case 'connect':
    case 'timer':
      return `<circle class="g" cx="${x}" cy="${n(y)}" r="2"/>`;
    case 'disk':
      return `<rect class="g" x="${x - 4}" y="${n(y - 4)}" width="8" height="8" rx="1.5"/>`;
    case 'job':
    case 'clock':
      return `<path class="${kind === 'job' ? 'g' : 'g-warn'}" d="M${x} ${n(y - 6)}l6 6l-6 6l-6 -6Z"/>`;
    case 'start':
      return `<path class="g-good" d="M${x - 6} ${n(y - 4)}h12l-6 10Z"/>`;
    case 'end':
      return `<circle class="open" cx="${x}" cy="${n(y)}" r="5"/>`;
    case 'crash':
      return `<path class="crash" d="M${x - 6} ${n(y - 6)}l12 12m0 -12l-12 12"/>`;
    case 'pause':
    case 'resume':
      return `<path class="g-warn" d="${kind === 'pause' ? `M${x - 4} ${n(y - 5)}h3v10h-3ZM${x + 1} ${n(y - 5)}h3v10h-3Z` : `M${x - 4} ${n(y - 5)}l9 5l-9 5Z`}"/>`;
    case 'cut':
    case 'mend':
    case 'fault':
      return `<path class="${kind === 'mend' ? 'g-good' : 'g-bad'}" d="${kind === 'fault' ? `M${x} ${n(y - 6)}l7 12h-14Z` : `M${x - 7} ${n(y - 2)}h14v4h-14Z`}"/>`;
    case 'note':
      return `<rect class="g-note" x="${x - 5}" y="${n(y - 5)}" width="10" height="10" rx="5"/>`;
    case 'lost': // the end of its arrow
    case 'fail': // a band of its own
      return '';
    default:
      return unreachable(kind);
  }
}

function drawHead(geometry: Geometry, node: string, column: number, y: number): string {
  const [x, width] = [geometry.x(column), geometry.laneWidth - 14];
  const text = escapeXml(cutStart(node, Math.floor((width - 8) / 7.3)));
  return `<g><title>${escapeXml(node)}</title><rect class="head" x="${x - width / 2}" y="${y + 6}" width="${width}" height="24" rx="6"/><text class="name" x="${x}" y="${y + 22}">${text}</text></g>`;
}

const n = (value: number): string => String(Math.round(value * 10) / 10);

const line = (kind: string, x1: number, y1: number, x2: number, y2: number): string =>
  `<line class="${kind}" x1="${n(x1)}" y1="${n(y1)}" x2="${n(x2)}" y2="${n(y2)}"/>`;
