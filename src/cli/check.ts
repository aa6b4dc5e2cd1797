/**
 * `lockstep check`: a recorded history from a file, judged against a model (`linearizable`) or an isolation level
 * (`transactions`). The verdict is the exit code.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { type IsolationLevel, isolationLevels } from '../check/anomalies.ts';
import { EdnReader } from '../check/edn.ts';
import { parseHistory } from '../check/history-text.ts';
import { checkLinearizable, type LinearizabilityVerdict, stepCountDefault } from '../check/linearizability.ts';
import type { Value } from '../check/models.ts';
import { historyFor, modelNames } from '../check/named-models.ts';
import { explainLinearizability } from '../check/report.ts';
import { htmlTimeline } from '../check/timeline-html.ts';
import { htmlTransactions } from '../check/transactions-html.ts';
import { explainTransactions } from '../check/transactions-report.ts';
import { parseTransactions, type TransactionsText } from '../check/transactions-text.ts';
import { checkTransactions, type TransactionsOptions, type TransactionsVerdict } from '../check/transactions.ts';
import { LockstepError } from '../kernel/errors.ts';

export interface CheckArguments {
  readonly model: string | undefined;
  readonly keyed: boolean;
  readonly initial: string | undefined;
  readonly budget: string | undefined;
  readonly json: boolean;
  readonly html: string | undefined;
}

export interface CheckTransactionsArguments {
  readonly level: string | undefined;
  readonly order: string | undefined;
  readonly budget: string | undefined;
  readonly json: boolean;
  readonly html: string | undefined;
}

const exitCodes = { ok: 0, violation: 2, unknown: 4 } as const;

/** The exit code: those of all commands, where 2 is a no that was decided and 4 that nobody knows. */
export async function checkFile(path: string, options: CheckArguments): Promise<number> {
  if (options.model === undefined) {
    throw new LockstepError('misuse', 'say what to judge it against', {
      advice: [`--model MODEL: ${modelNames.join(', ')}`],
    });
  }
  const stepCountMax = options.budget === undefined ? stepCountDefault : Number(options.budget);
  if (!(stepCountMax > 0)) {
    throw new LockstepError('misuse', '--budget is a number above 0', { values: { budget: options.budget ?? '' } });
  }
  const { history, model } = historyFor(parseHistory(await textOf(path)), options.model, {
    isKeyed: options.keyed,
    ...(options.initial === undefined ? {} : { initial: new EdnReader(options.initial).next()?.value as Value }),
  });
  const verdict = checkLinearizable(history, model, { budget: { stepCountMax } });
  if (options.html !== undefined) await writeFile(options.html, htmlTimeline(history, verdict, { title: path }));
  console.log(options.json ? JSON.stringify(asJson(verdict), null, 2) : explainLinearizability(history, verdict));
  return exitCodes[verdict.kind];
}

/** The same for transactions. */
export async function checkTransactionsFile(path: string, options: CheckTransactionsArguments): Promise<number> {
  const { level = 'serializable', order = 'none', budget, json, html } = options;
  const budgetEdges = budget === undefined ? undefined : Number(budget);
  if (budgetEdges !== undefined && !(budgetEdges >= 0)) {
    throw new LockstepError('misuse', '--budget is a number of edges', { values: { budget: budget ?? '' } });
  }
  const asked: TransactionsOptions = {
    level: oneOf('--level', level, isolationLevels) satisfies IsolationLevel,
    order: oneOf('--order', order, ['none', 'process', 'real-time']),
    ...(budgetEdges === undefined ? {} : { budgetEdges }),
  };
  const parsed = parseTransactions(await textOf(path));
  const { history, lines } = parsed;
  const verdict = checkTransactions(history, asked);
  if (html !== undefined) await writeFile(html, htmlTransactions(history, verdict, { title: path, lines }));
  console.log(
    json
      ? JSON.stringify({ ...verdict, cited: citedOf(parsed, verdict) }, null, 2)
      : explainTransactions(history, verdict, { lines }),
  );
  return exitCodes[verdict.kind];
}

function oneOf<One extends string>(option: string, value: string, known: readonly One[]): One {
  const found = known.find((one) => one === value);
  if (found !== undefined) return found;
  throw new LockstepError('misuse', `${option} is none of those that there are`, {
    values: { value },
    advice: [known.join(', ')],
  });
}

/** The transactions that the verdict names by their indexes. */
function citedOf({ history, lines }: TransactionsText, { anomalies, tolerated }: TransactionsVerdict): object {
  const cited = new Set([...anomalies, ...tolerated].flatMap(({ transactions }) => transactions));
  return Object.fromEntries([...cited].map((index) => [index, { line: lines[index], ...history[index] }]));
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new LockstepError('invalid', 'the file cannot be read', { values: { file: path }, cause });
  }
}

const asJson = (verdict: LinearizabilityVerdict): object =>
  verdict.kind === 'ok' ? { ...verdict, order: Object.fromEntries(verdict.order) } : verdict;
