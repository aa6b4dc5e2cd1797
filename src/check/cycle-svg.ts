/**
 * The cycle of an anomaly as a picture: its transactions below one another, an arrow from each to the next with the
 * reason why it comes before, and from the last one back to the first beside them. What is no cycle has no arrows.
 */
import { escapeXml } from '../kernel/xml.ts';
import { cut } from '../sim/diagram-words.ts';
import { type Anomaly, dependencyText } from './anomalies.ts';
import type { Dependency } from './dependencies.ts';
import { characterWidth } from './page.ts';
import type { TransactionHistory } from './transactions-history.ts';
import {
  outcomeWords,
  printStep,
  stepsOf,
  transactionName,
  type TransactionsReportOptions,
} from './transactions-report.ts';

const lineHeight = 18;
const padding = 10;
const gap = 46;
const marginX = 12;
const arrowX = 40;
const channelWidth = 28;
const textLengthMax = 90;

/** For `htmlPage`. */
export const cycleStyles: string = `
.transaction rect{fill:var(--bar);stroke:var(--bar-edge)}.unsure rect{fill:var(--free);stroke:var(--free-edge);stroke-dasharray:4 3}.taken rect{fill:var(--bad);stroke:var(--bad-edge)}
svg .aside{fill:var(--soft)}.edge path{fill:none;stroke-width:1.6}.edge .kind{font-weight:600}
.wr path{stroke:var(--bar-edge)}svg .wr .kind,.wr polygon{fill:var(--bar-edge)}.rw path{stroke:var(--free-edge)}svg .rw .kind,.rw polygon{fill:var(--free-edge)}
.ww path{stroke:var(--bad-edge)}svg .ww .kind,.ww polygon{fill:var(--bad-edge)}.order path{stroke:var(--soft);stroke-dasharray:4 3}svg .order .kind,.order polygon{fill:var(--soft)}
`;

interface Box {
  readonly index: number;
  readonly y: number;
  readonly height: number;
  readonly lines: readonly { readonly text: string; readonly isCited: boolean }[];
}

export function cycleSvg(history: TransactionHistory, anomaly: Anomaly, options: TransactionsReportOptions): string {
  const boxes = boxesOf(history, anomaly, options);
  const lengths = boxes.flatMap(({ lines }) => lines.map(({ text }) => text.length));
  const boxWidth = Math.ceil(Math.max(...lengths) * characterWidth) + 2 * padding;
  const bottom = Math.max(...boxes.map(({ y, height }) => y + height));
  const right = marginX + boxWidth;
  const labels = anomaly.cycle.map((step) => (step.kind.length + 2 + wordsOf(step).length) * characterWidth);
  const channel = Math.ceil(Math.max(right, arrowX + 12 + Math.max(0, ...labels.slice(0, -1)))) + channelWidth;
  const arrows = anomaly.cycle.map((step, at) => {
    const [from, to, first] = [boxes[at], boxes[at + 1], boxes[0]];
    if (from === undefined || first === undefined) return '';
    return to === undefined ? drawReturn(step, from, first, { right, channel }) : drawDown(step, from, to);
  });
  const width = anomaly.cycle.length === 0 ? right + 12 : Math.ceil(channel + 24 + (labels.at(-1) ?? 0));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${bottom + 12}" role="img" aria-label="${escapeXml(anomaly.name)}">`,
    ...boxes.map((box) => drawBox(history, box, boxWidth)),
    ...arrows,
    '</svg>',
  ].join('\n');
}

function boxesOf(history: TransactionHistory, anomaly: Anomaly, options: TransactionsReportOptions): readonly Box[] {
  const keys = new Set(anomaly.cycle.length === 0 ? [anomaly.key] : anomaly.cycle.map(({ key }) => key));
  const between = anomaly.cycle.length === 0 ? gap / 2 : gap;
  let y = marginX;
  return [...new Set(anomaly.transactions)].map((index) => {
    const heading = `${transactionName(history, index, options)}${outcomeWords(history, index)}`;
    const steps = stepsOf(history, index).map((step) => ({
      text: cut(printStep(step), textLengthMax),
      isCited: keys.has(step.key),
    }));
    const lines = [{ text: cut(heading, textLengthMax), isCited: true }, ...steps];
    const height = lines.length * lineHeight + 2 * padding - 4;
    const box: Box = { index, y, height, lines };
    y += height + between;
    return box;
  });
}

const tones = { ok: 'transaction', info: 'unsure', fail: 'taken' } as const;

function drawBox(history: TransactionHistory, { index, y, height, lines }: Box, width: number): string {
  const tone = tones[history[index]?.outcome.kind ?? 'info'];
  const texts = lines.map(({ text, isCited }, at) => {
    const [x, below] = [marginX + padding, y + padding + at * lineHeight + 10];
    return `<text class="${at === 0 ? 'name' : isCited ? 'cited' : 'aside'}" x="${x}" y="${below}">${escapeXml(text)}</text>`;
  });
  const rect = `<rect x="${marginX}" y="${y}" width="${width}" height="${height}" rx="6"/>`;
  return `<g class="${tone}">${rect}${texts.join('')}</g>`;
}

const wordsOf = (step: Dependency): string => cut(dependencyText(step), textLengthMax);

function drawLabel(step: Dependency, x: number, y: number): string {
  return `<text x="${x}" y="${y}"><tspan class="kind">${step.kind}</tspan>&#160; ${escapeXml(wordsOf(step))}</text>`;
}

const toneOf = ({ kind }: Dependency): string => (kind === 'process' || kind === 'real-time' ? 'order' : kind);

function drawDown(step: Dependency, from: Box, to: Box): string {
  const [top, end] = [from.y + from.height, to.y];
  const head = `<polygon points="${arrowX - 5},${end - 9} ${arrowX + 5},${end - 9} ${arrowX},${end}"/>`;
  const line = `<path d="M${arrowX} ${top} V${end - 8}"/>`;
  return `<g class="edge ${toneOf(step)}">${line}${head}${drawLabel(step, arrowX + 12, (top + end) / 2 + 4)}</g>`;
}

/** From the side of the last box up beside all of them to the first. */
function drawReturn(
  step: Dependency,
  from: Box,
  to: Box,
  { right, channel }: { readonly right: number; readonly channel: number },
): string {
  const [start, end] = [from.y + from.height / 2, to.y + to.height / 2];
  const bend = channel - 8;
  const up = `Q${channel} ${start} ${channel} ${start - 8} V${end + 8} Q${channel} ${end} ${bend} ${end}`;
  const line = `<path d="M${right} ${start} H${bend} ${up} H${right + 8}"/>`;
  const head = `<polygon points="${right + 9},${end - 5} ${right + 9},${end + 5} ${right},${end}"/>`;
  return `<g class="edge ${toneOf(step)}">${line}${head}${drawLabel(step, channel + 12, (start + end) / 2 + 4)}</g>`;
}
