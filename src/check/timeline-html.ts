/**
 * A verdict as one HTML file that needs nothing else: the bars of the timeline, the moments at which operations took
 * effect as dots in the order, joined by a line, and the words of the report. Colours follow the reader's setting.
 */
import { escapeXml } from '../sim/diagram-words.ts';
import type { History } from './history.ts';
import type { LinearizabilityVerdict } from './linearizability.ts';
import { drawnOf, explainLinearizability } from './report.ts';
import { type Bar, layOutTimeline, printOperation, type TimelineLayout } from './timeline.ts';

const characterWidth = 7.4;
const lineHeight = 40;
const barHeight = 24;
const topY = 16;

const style = `
:root{color-scheme:light dark;--ink:#1f2430;--soft:#6b7385;--edge:#d5dae4;--bar:#e4ecfb;--bar-edge:#2f6fd6;--free:#f1e6cf;--free-edge:#b26a00;--bad:#fdeceb;--bad-edge:#c7362f}
@media (prefers-color-scheme:dark){:root{--ink:#dfe3ec;--soft:#8d97ab;--edge:#323945;--bar:#1c2a44;--bar-edge:#78a9ff;--free:#3a3322;--free-edge:#e3a94a;--bad:#3a1d1e;--bad-edge:#ff7b72}body{background:#14171d}}
body{margin:0 auto;max-width:1200px;padding:20px;font:14px/1.45 system-ui,sans-serif;color:var(--ink)}
h1{font-size:18px;margin:0 0 12px}.picture{overflow-x:auto}pre{font:12px/1.5 ui-monospace,Menlo,Consolas,monospace;white-space:pre-wrap;overflow-wrap:anywhere}
svg{font:12px ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",monospace}svg text{fill:var(--ink)}.life{stroke:var(--edge)}.name{font-weight:600}
.placed rect,.plain rect{fill:var(--bar);stroke:var(--bar-edge)}.free rect{fill:var(--free);stroke:var(--free-edge);stroke-dasharray:4 3}
.stuck rect{fill:var(--bad);stroke:var(--bad-edge);stroke-width:2}.way{fill:none;stroke:var(--soft);stroke-dasharray:2 3}.dot{fill:var(--soft)}
`;

/** The page. `title` stands above it; without one, the verdict does. */
export function htmlTimeline(
  history: History,
  verdict: LinearizabilityVerdict,
  options: { readonly title?: string } = {},
): string {
  const title = escapeXml(options.title ?? headings[verdict.kind]);
  const drawn = drawnOf(history, verdict);
  const picture = drawn.length === 0 ? '' : `<div class="picture">${drawBars(layOutTimeline(drawn))}</div>`;
  return [
    '<!doctype html>',
    '<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">',
    `<title>${title}</title><style>${style}</style></head><body>`,
    `<h1>${title}</h1>`,
    picture,
    `<pre>${escapeXml(explainLinearizability(history, verdict))}</pre>`,
    '</body></html>\n',
  ].join('\n');
}

const headings = { ok: 'linearizable', violation: 'not linearizable', unknown: 'unknown' } as const;

function drawBars({ lines, width }: TimelineLayout): string {
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
