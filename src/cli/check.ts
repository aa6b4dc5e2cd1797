/** `lockstep check linearizable`: a recorded history from a file, judged against a model. The verdict is the exit code. */
import { readFile, writeFile } from 'node:fs/promises';
import { EdnReader } from '../check/edn.ts';
import { parseHistory } from '../check/history-text.ts';
import { checkLinearizable, type LinearizabilityVerdict, stepCountDefault } from '../check/linearizability.ts';
import type { Value } from '../check/models.ts';
import { historyFor, modelNames } from '../check/named-models.ts';
import { explainLinearizability } from '../check/report.ts';
import { htmlTimeline } from '../check/timeline-html.ts';
import { LockstepError } from '../kernel/errors.ts';

export const checkUsage: string = `lockstep check linearizable FILE --model MODEL [--keyed] [--initial VALUE] [--budget STEPS] [--json] [--html OUT]

  Judges a recorded history: could an object that does one operation at a time have answered so? FILE has Jepsen's EDN
  maps, lines of its log, or JSON lines. MODEL: ${modelNames.join(', ')}.
  --keyed: values are vectors of a key and a value. --initial: the first value of a register, EDN; nil without it.
  --budget: how many steps to search, ${stepCountDefault} without it. --html: writes a page with the timeline to OUT.
  Exit code 0 linearizable, 2 not linearizable, 4 unknown because the budget ended, 1 anything else.

for example
  lockstep check linearizable history.edn --model cas-register
  lockstep check linearizable jepsen.log --model register --initial 0 --html timeline.html`;

export interface CheckArguments {
  readonly model: string | undefined;
  readonly keyed: boolean;
  readonly initial: string | undefined;
  readonly budget: string | undefined;
  readonly json: boolean;
  readonly html: string | undefined;
}

const exitCodes = { ok: 0, violation: 2, unknown: 4 } as const;

/** The exit code: those of all commands, where 2 is a no that was decided and 4 that nobody knows. */
export async function checkFile(path: string, options: CheckArguments): Promise<number> {
  if (options.model === undefined) {
    throw new LockstepError('misuse', 'say what to judge it against', { advice: checkUsage.split('\n') });
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

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new LockstepError('invalid', 'the file cannot be read', { values: { file: path }, cause });
  }
}

const asJson = (verdict: LinearizabilityVerdict): object =>
  verdict.kind === 'ok' ? { ...verdict, order: Object.fromEntries(verdict.order) } : verdict;
