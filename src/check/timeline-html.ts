/**
 * A verdict as one HTML file that needs nothing else: the bars of the timeline, the moments at which operations took
 * effect as dots in the order, joined by a line, and the words of the report. Colours follow the reader's setting.
 */
import { escapeXml } from '../kernel/xml.ts';
import type { History } from './history.ts';
import type { LinearizabilityVerdict } from './linearizability.ts';
import { characterWidth, htmlPage } from './page.ts';
import { drawnOf, explainLinearizability } from './report.ts';
import { type Bar, layOutTimeline, printOperation, type TimelineLayout } from './timeline.ts';

const lineHeight = 40;
const barHeight = 24;
const topY = 16;

/** The page. `title` stands above it; without one, the verdict does. */
export function htmlTimeline(
  history: History,
  verdict: LinearizabilityVerdict,
  options: { readonly title?: string } = {},
): string {
  const drawn = drawnOf(history, verdict);
  const picture = drawn.length === 0 ? '' : `<div class="picture">${drawBars(layOutTimeline(drawn))}</div>`;
  const words = `<pre>${escapeXml(explainLinearizability(history, verdict))}</pre>`;
  return htmlPage(options.title ?? headings[verdict.kind], [picture, words]);
}

const headings = { ok: 'linearizable', violation: 'not linearizable', unknown: 'unknown' } as const;

/** The timeline as an SVG. */
export function drawBars({ lines, width }: TimelineLayout): string {
  const left = 24 + Math.max(0, ...lines.map(({ process }) => process.length)) * characterWidth;
  const x = (column: number): number => Math.round(left + column * characterWidth);
  const right = x(width) + 16;
  const bottom = topY + lines.length * lineHeight;
  const placed: { readonly bar: Bar; readonly y: number }[] = [];
  const rows = lines.map(({ process, bars }, row) => {
    const y = topY + row * lineHeight + lineHeight / 2;
    for (const bar of bars) if (bar.mark.place !== null) placed.push({ bar, y });
    const drawn = bars.map((bar) => drawBar(bar, x(bar.from), bar.to === null ? right - 8 : x(bar.to), y));
    const life = `<line class="life" x1="${left - 8}" y1="${y}" x2="${right}" y2="${y}"/>`;
    return `${life}<text class="name" x="8" y="${y + 4}">${escapeXml(process)}</text>${drawn.join('')}`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${right + 8}" height="${bottom + 8}" role="img" aria-label="timeline">`,
    ...rows,
    drawWay(placed, x, width),
    '</svg>',
  ].join('\n');
}

function drawBar(bar: Bar, from: number, to: number, y: number): string {
  const { invokedAt, outcome, process } = bar.operation;
  const ended = outcome.at === null ? 'no end' : `ended at ${outcome.at}`;
  const title = `operation ${bar.index} of ${process}: ${printOperation(bar.operation)}\ninvoked at ${invokedAt}, ${ended}`;
  const box = `<rect x="${from}" y="${y - barHeight / 2}" width="${Math.max(to - from, 2)}" height="${barHeight}" rx="4"/>`;
  const words = `<text x="${from + 8}" y="${y + 4}">${escapeXml(bar.label)}</text>`;
  return `<g class="${bar.mark.tone}"><title>${escapeXml(title)}</title>${box}${words}</g>`;
}

/** The moments of effect: each as early as its invocation and those before it allow. */
function drawWay(
  placed: readonly { readonly bar: Bar; readonly y: number }[],
  x: (column: number) => number,
  width: number,
): string {
  const inOrder = placed.toSorted((one, other) => (one.bar.mark.place ?? 0) - (other.bar.mark.place ?? 0));
  let column = 0;
  const points = inOrder.map(({ bar, y }) => {
    column = Math.min(Math.max(column + 0.25, bar.from + 0.5), bar.to ?? width);
    return { x: x(column), y: y + barHeight / 2 };
  });
  const dots = points.map((point) => `<circle class="dot" cx="${point.x}" cy="${point.y}" r="3"/>`);
  return `<polyline class="way" points="${points.map((point) => `${point.x},${point.y}`).join(' ')}"/>${dots.join('')}`;
}
