/**
 * Holds what clients of a chaos of partitions were told against what the partitions note of themselves in the end, and
 * their histories against what one process that does one thing after another could have answered.
 */
import {
  checkLinearizable,
  checkTransactions,
  explainLinearizability,
  htmlTimeline,
  htmlTransactions,
  keyValue,
} from 'lockstep/check';
import { type Note, partitionCount, type Topic } from './requests.ts';
import type { Fate, Witness } from './witness.ts';

/** What a partition notes of itself, by topic. */
export type Notes = Readonly<Record<Topic, readonly Note[]>>;

/** Shows what is wrong to whoever opens it. */
export interface Counterexample {
  readonly file: string;
  readonly html: string;
}

export interface Verdict {
  readonly problems: readonly string[];
  /** Of the judgement of keys and lists: what it came to, in a few words each. */
  readonly histories: Readonly<Record<'keys' | 'lists', string>>;
  readonly numbers: Readonly<Record<string, number>>;
  readonly counterexamples: readonly Counterexample[];
}

const judgeMsMax = 60_000;

export function judge(witness: Witness, notes: readonly Notes[]): Verdict {
  const keys = judgeKeys(witness);
  const lists = judgeLists(witness);
  const commands = judgeCommands(witness.commands, notes);
  const messages = judgeMessages(witness.sends, notes);
  const timers = judgeTimers(witness, notes);
  const parts = [keys, lists, commands, messages, timers];
  return {
    problems: [...witness.problems, ...parts.flatMap(({ problems }) => problems)],
    histories: { keys: keys.says, lists: lists.says },
    numbers: { ...commands.numbers, ...messages.numbers, ...timers.numbers },
    counterexamples: [...keys.counterexamples, ...lists.counterexamples],
  };
}

interface HistoryVerdict {
  readonly says: string;
  readonly problems: readonly string[];
  readonly counterexamples: readonly Counterexample[];
}

function judgeKeys(witness: Witness): HistoryVerdict {
  const history = witness.keys.history();
  const untilMs = performance.now() + judgeMsMax;
  const verdict = checkLinearizable(history, keyValue(), { budget: { isOver: () => performance.now() > untilMs } });
  const { operationCount, keyCount } = verdict.work;
  const of = `${operationCount} operations on ${keyCount} keys`;
  if (verdict.kind === 'ok') return { says: `${of}: linearizable`, problems: [], counterexamples: [] };
  const says = `${of}: ${verdict.kind} for ${verdict.keys.join(', ')}`;
  // A judgement that was not reached is no proof of anything: it is told, and fails.
  const problems = [`keys: ${says}`, explainLinearizability(history, verdict)];
  return { says, problems, counterexamples: [{ file: 'keys.html', html: htmlTimeline(history, verdict) }] };
}

function judgeLists(witness: Witness): HistoryVerdict {
  const history = witness.lists.history();
  const verdict = checkTransactions(history, { level: 'strict-serializable' });
  const of = `${history.length} transactions`;
  if (verdict.kind !== 'violation') {
    const doubt = verdict.kind === 'ok' ? '' : `, no violation found; unknown: ${verdict.reasons.join('; ')}`;
    return {
      says: `${of}: ${doubt === '' ? 'strict-serializable' : doubt.slice(2)}`,
      problems: [],
      counterexamples: [],
    };
  }
  const html = htmlTransactions(history, verdict);
  const problems = [`lists: ${verdict.text}`];
  return { says: `${of}: not serializable`, problems, counterexamples: [{ file: 'lists.html', html }] };
}

interface CountedVerdict {
  readonly problems: readonly string[];
  readonly numbers: Readonly<Record<string, number>>;
}

/** Acknowledged: there, once. Denied: not there. Unknown: one of the two. */
function judgeCommands(commands: ReadonlyMap<string, Fate>, notes: readonly Notes[]): CountedVerdict {
  const problems: string[] = [];
  const ran = new Map<string, number>();
  for (const { ran: entries } of notes)
    for (const [[, id], count] of entries) ran.set(String(id), (ran.get(String(id)) ?? 0) + Number(count));
  const counts = { acknowledged: 0, denied: 0, unknown: 0 };
  const found = { lost: 0, doubled: 0, deniedAndDone: 0, unknownAndDone: 0 };
  for (const [id, fate] of commands) {
    counts[fate]++;
    const times = ran.get(id) ?? 0;
    if (times > 1) found.doubled++;
    if (times === 0 && fate === 'acknowledged') found.lost++;
    if (times > 0 && fate === 'denied') found.deniedAndDone++;
    if (times > 0 && fate === 'unknown') found.unknownAndDone++;
    if (times > 1 || (fate === 'unknown' ? false : (times === 1) !== (fate === 'acknowledged')))
      problems.push(`the command ${id} is ${fate}, and ran ${times} times`);
  }
  for (const id of ran.keys()) if (!commands.has(id)) problems.push(`nobody sent the command ${id}, and it ran`);
  return { problems, numbers: { commands: commands.size, ...counts, ...found } };
}

/** Of each pair of partitions: what was sent took effect, once each, in the order of sending. */
function judgeMessages(sends: ReadonlyMap<string, Fate>, notes: readonly Notes[]): CountedVerdict {
  const problems: string[] = [];
  const arrived = new Set<string>();
  let messages = 0;
  for (let source = 0; source < partitionCount; source++) {
    for (let target = 0; target < partitionCount; target++) {
      const sent = pairOf(notes[source]?.sent, target);
      const got = pairOf(notes[target]?.got, source);
      messages += sent.length;
      for (const line of sent) arrived.add(line.slice(line.indexOf(' ') + 1));
      const at = sent.findIndex((line, index) => line !== got[index]);
      if (sent.length !== got.length || at >= 0)
        problems.push(
          `from ${source} to ${target} ${sent.length} were sent, ${got.length} took effect; first other: ${sent[at]}, ${got[at]}`,
        );
    }
  }
  for (const [name, fate] of sends)
    if (fate !== 'unknown' && arrived.has(name) !== (fate === 'acknowledged'))
      problems.push(`the message ${name} is ${fate}, and ${arrived.has(name) ? 'was sent' : 'was never sent'}`);
  return { problems, numbers: { messages } };
}

/** `number name`, in the order of numbers. */
const pairOf = (entries: Notes['sent'] | undefined, other: number): readonly string[] =>
  (entries ?? [])
    .filter(([[, peer]]) => peer === other)
    .map(([[, , number], name]) => `${String(number)} ${String(name)}`);

function judgeTimers({ timers }: Witness, notes: readonly Notes[]): CountedVerdict {
  const problems: string[] = [];
  const fired = new Map(
    notes.flatMap(({ fired: entries }) => entries.map(([[, name], count]) => [String(name), Number(count)])),
  );
  let firedCount = 0;
  for (const [name, { set, cancelled }] of timers) {
    const times = fired.get(name) ?? 0;
    firedCount += times;
    const least = set === 'acknowledged' && (cancelled === null || cancelled === 'absent') ? 1 : 0;
    const most = set === 'denied' || cancelled === 'cancelled' ? 0 : 1;
    if (times < least || times > most)
      problems.push(
        `timer ${name}: setting is ${set}, cancelling ${cancelled ?? 'not tried'}, and it fired ${times} times`,
      );
  }
  return { problems, numbers: { timers: timers.size, fired: firedCount } };
}
