/** A verdict on transactions as one HTML file: of each kind of anomaly the shortest cycle, drawn, and when it happened. */
import { escapeXml } from '../kernel/xml.ts';
import { cut } from '../sim/diagram-words.ts';
import type { Anomaly } from './anomalies.ts';
import { cycleStyles, cycleSvg } from './cycle-svg.ts';
import type { Operation, Outcome } from './history.ts';
import { htmlPage } from './page.ts';
import { layOutTimeline, type MarkedOperation } from './timeline.ts';
import { drawBars } from './timeline-html.ts';
import type { TransactionHistory } from './transactions-history.ts';
import {
  explainTransactions,
  headingOf,
  printStep,
  shownOf,
  stepsOf,
  type TransactionsReportOptions,
} from './transactions-report.ts';
import type { TransactionsVerdict } from './transactions.ts';

const labelLengthMax = 44;

export interface TransactionsPageOptions extends TransactionsReportOptions {
  /** Stands above the page. Default: the verdict. */
  readonly title?: string;
}

/** The page. What the level allows is drawn too, after what it forbids. */
export function htmlTransactions(
  history: TransactionHistory,
  verdict: TransactionsVerdict,
  options: TransactionsPageOptions = {},
): string {
  const shown = [...shownOf(verdict.anomalies), ...shownOf(verdict.tolerated)];
  const pictures = shown.flatMap(({ anomaly }) => {
    const { kind, name } = anomaly;
    const isAllowed = verdict.tolerated.includes(anomaly);
    return [
      `<h2>${escapeXml(`${kind}: ${name}${isAllowed ? `, allowed by ${verdict.level}` : ''}`)}</h2>`,
      `<div class="picture">${cycleSvg(history, anomaly, options)}</div>`,
      `<div class="picture">${drawBars(layOutTimeline(whenOf(history, anomaly)))}</div>`,
    ];
  });
  const words = `<pre>${escapeXml(explainTransactions(history, verdict, options))}</pre>`;
  return htmlPage(options.title ?? headingOf(history, verdict), [...pictures, words], cycleStyles);
}

/** Its transactions as bars of a timeline. */
function whenOf(history: TransactionHistory, { transactions }: Anomaly): readonly MarkedOperation[] {
  return [...new Set(transactions)].map((index): MarkedOperation => {
    const { process, invokedAt, outcome } = history[index] as TransactionHistory[number];
    const call = cut(`T${index} ${stepsOf(history, index).map(printStep).join(', ')}`, labelLengthMax);
    const told: Outcome<unknown> = outcome.kind === 'ok' ? { ...outcome, result: undefined } : outcome;
    const operation: Operation = { process, call, invokedAt, outcome: told };
    return { operation, index, mark: { place: null, tone: outcome.kind === 'info' ? 'free' : 'plain' } };
  });
}
