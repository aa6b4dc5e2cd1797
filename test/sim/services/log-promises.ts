/** What was promised to anybody about one log, and what nobody may ever see: the judge of the scenario `log`. */
import type { World } from 'lockstep/sim';
import type { LogRecord } from '../../../src/log/port.ts';

const decoder = new TextDecoder();
const filler = '.'.charCodeAt(0);

/** Without the filling that makes it long. */
function textOf({ payload }: LogRecord): string {
  const end = payload.indexOf(filler);
  return decoder.decode(end === -1 ? payload : payload.subarray(0, end));
}

/** A claim is nobody's record: named by its place in the epochs. */
const nameOf = (record: LogRecord): string => (record.sequence === 0 ? `claim ${record.epoch}` : textOf(record));

/** What must come about in many seeds, or the scenario shows less than it seems to. */
export const situations = [
  'appended',
  'fenced',
  'unknown',
  'no longer led, when asked',
  'trimmed',
  'a reader read on from its place',
  'a reader was behind a trim',
  'a torn end was cut',
  'a disk failed',
  'rot was told',
  'rot did no harm',
  'a last record without a mark was cut',
] as const;
export type Situation = (typeof situations)[number];

export class Promises {
  readonly #world: World;
  readonly #at = new Map<number, string>();
  readonly #placeOf = new Map<string, number>();
  readonly #denied = new Set<string>();
  readonly #asked = new Map<string, number>();
  #writers = 0;
  /** The highest epoch whose writer was told that it leads. */
  newestEpoch = 0;
  trimmedTo = 1;
  acknowledged = 0;
  appendsBegun = 0;
  readonly counts: Map<Situation, number> = new Map();

  constructor(world: World) {
    this.#world = world;
  }

  count(situation: Situation): void {
    this.counts.set(situation, (this.counts.get(situation) ?? 0) + 1);
  }

  newWriter(process: string): string {
    return `${process}${++this.#writers}`;
  }

  /** What the writer appends next. */
  ask(writer: string): string {
    const count = (this.#asked.get(writer) ?? 0) + 1;
    this.#asked.set(writer, count);
    return `${writer}:${count}`;
  }

  promise(at: number, text: string, how: string): void {
    const before = this.#at.get(at) ?? text;
    if (before !== text) this.#world.fail(`position ${at} was promised to ${before}, and ${how} ${text}`);
    const place = this.#placeOf.get(text) ?? at;
    if (place !== at) this.#world.fail(`${text} was promised at ${place}, and ${how} ${text} at ${at} too`);
    if (this.#denied.has(text)) this.#world.fail(`${text} was denied, and ${how} it at ${at}`);
    if (at > this.acknowledged) this.acknowledged = at;
    this.#at.set(at, text);
    this.#placeOf.set(text, at);
  }

  leads(epoch: number, start: number, writer: string): void {
    this.promise(start, `claim ${epoch}`, `to ${writer} goes`);
    this.newestEpoch = Math.max(this.newestEpoch, epoch);
  }

  deny(text: string): void {
    if (this.#placeOf.has(text)) this.#world.fail(`${text} was seen, and is denied`);
    this.#denied.add(text);
    this.count('fenced');
  }

  /** A reader that was at `after` is given these. */
  see(after: number, records: readonly LogRecord[]): number {
    let last = after;
    for (const record of records) {
      if (record.position !== last + 1) this.#world.fail(`after ${last} a reader is given ${record.position}`);
      this.promise(record.position, nameOf(record), 'a reader is given');
      last = record.position;
    }
    return last;
  }

  /** The newest promise is void: rot took it before a mark stood behind it, which nobody can tell from a torn end. */
  mayHaveLost(at: number): void {
    const text = this.#at.get(at);
    this.#at.delete(at);
    if (text !== undefined) this.#placeOf.delete(text);
    this.acknowledged = at - 1;
    this.count('a last record without a mark was cut');
  }

  /** `records` is all that is kept, from `first` on. */
  judge(first: number, records: readonly LogRecord[]): void {
    const world = this.#world;
    if (first > this.trimmedTo) world.fail(`trimmed up to ${first}, asked for ${this.trimmedTo}`);
    const last = this.see(first - 1, records);
    if (this.acknowledged > last)
      world.fail(`${this.#at.get(this.acknowledged)} was promised at ${this.acknowledged}, after the end of the log`);
    const counts = new Map<string, number>();
    for (const record of records.filter(({ sequence }) => sequence > 0)) {
      const [writer = '', count = ''] = textOf(record).split(':');
      const before = counts.get(writer) ?? (first > 1 ? null : 0);
      if (before !== null && Number(count) !== before + 1) world.fail(`${writer} has ${count} after ${before}`);
      counts.set(writer, Number(count));
    }
  }
}
