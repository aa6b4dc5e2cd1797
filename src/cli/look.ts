/** The commands that ask an instance or the events of a node, and show what they are told. */
import type { Remote } from '../client/remote.ts';
import type { Recorded } from '../machine/connection.ts';
import type { AnyMachine } from '../machine/definition.ts';
import { printable } from '../kernel/printable.ts';
import type { History, HistoryEntry } from '../node/history.ts';
import type { Token } from '../partition/transaction.ts';
import { nodePaths } from '../server/node-paths.ts';
import { jsonOf } from '../server/wire.ts';
import { allEventsOf, machinesOf, pageMax } from './event-pages.ts';
import { dataText, namedText, parsedJson } from './plain-data.ts';
import { remoteTo, type WhichNode } from './running-node.ts';

export interface LookOptions extends WhichNode {
  readonly json: boolean;
}

export interface StateOptions extends LookOptions {
  readonly step: boolean;
}

/** `lockstep state`. */
export async function showState(machine: string, key: string, options: StateOptions): Promise<number> {
  const remote = remoteTo(options);
  if (options.step) return showSteps(remote, machine, key, options.json);
  const found = await remote.read(machine, key);
  console.log(options.json ? jsonOf(found) : `  ${dataText(found.state)}    version ${found.version}`);
  return 0;
}

/** Each event, and the state behind it. */
async function showSteps(remote: Remote, machine: string, key: string, json: boolean): Promise<number> {
  const page = (to: number): Promise<History> => {
    const query = new URLSearchParams({ machine, key, to: String(to), limit: String(pageMax) });
    return remote.get<History>(`${nodePaths.history}?${query.toString()}`);
  };
  const { version } = await page(1);
  for (let first = 1; first <= version; first += pageMax) {
    const { before, entries } = await page(Math.min(version, first + pageMax - 1));
    // The last page overlaps the one before it.
    const fresh = entries.filter(({ event }) => event.version >= first);
    if (first === 1 && !json) console.log(`  ${dataText(before)}    version 0`);
    for (const entry of fresh) console.log(json ? jsonOf(entry) : stepText(entry));
  }
  return 0;
}

const stepText = ({ event, state }: HistoryEntry): string =>
  `  ${timeText(event.at)}  ${namedText(event.type, event.data)}\n  ${dataText(state)}    version ${event.version}`;

export interface EventsOptions extends LookOptions {
  readonly key: string | undefined;
  readonly follow: boolean;
  readonly after: string | undefined;
}

type Print = (event: Recorded<AnyMachine>) => void;

/** `lockstep events`. */
export async function showEvents(machine: string | undefined, options: EventsOptions): Promise<number> {
  const remote = remoteTo(options);
  const machines = machine === undefined ? await machinesOf(remote) : [machine];
  const isOfMany = machine === undefined && machines.length > 1;
  const print: Print = (event) => console.log(options.json ? jsonOf(event) : recordedText(event, isOfMany));
  if (options.follow) await Promise.all(machines.map((one) => follow(remote, one, options, print)));
  else for (const one of machines) for await (const page of allEventsOf(remote, one, options)) page.forEach(print);
  return 0;
}

/** Ends with the process. */
async function follow(remote: Remote, machine: string, { key, after }: EventsOptions, print: Print): Promise<void> {
  for await (const event of remote.events(machine, { key, after: after as Token | undefined })) print(event);
}

/** Keys are the users' and may hold anything: what a terminal would obey is escaped. */
function recordedText({ at, machine, key, version, type, data }: Recorded<AnyMachine>, isOfMany: boolean): string {
  const place = isOfMany ? `${machine} ${printable(key)}` : printable(key);
  return `  ${timeText(at)}  ${place}  ${version}  ${namedText(type, data)}`;
}

const timeText = (at: Date): string => at.toISOString().slice(11, 23);

export interface QueryOptions extends LookOptions {
  readonly watch: boolean;
}

/** `lockstep query`. */
export async function ask(name: string, text: string | undefined, options: QueryOptions): Promise<number> {
  const input = text === undefined ? undefined : parsedJson(text);
  const remote = remoteTo(options);
  if (options.watch)
    for await (const answer of remote.watch(name, input)) console.log(jsonOf(options.json ? answer : answer.value));
  const answer = await remote.query(name, input);
  console.log(options.json ? jsonOf(answer) : JSON.stringify(JSON.parse(jsonOf(answer.value)), null, 2));
  return 0;
}
