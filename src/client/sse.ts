/** Reads a stream of server-sent events: of the format what our server writes, and what any other may. */
import { LockstepError } from '../kernel/errors.ts';

export interface ServerSentEvent {
  /** Of this event or of the last one that had one; empty when none had. */
  readonly id: string;
  /** `message` where none is named. */
  readonly type: string;
  readonly data: string;
}

/** Characters of one event, at most. */
const eventUnitsMax = 64 * 1024 * 1024;

/** Text comes in any pieces; events come out whole. */
export class SseParser {
  #rest = '';
  #id = '';
  #type = '';
  #data: string[] = [];
  #dataUnits = 0;

  /** @throws LockstepError `invalid` for an event that is too long. */
  push(text: string): readonly ServerSentEvent[] {
    const events: ServerSentEvent[] = [];
    const all = this.#rest + text;
    // A carriage return at the end may be the half of a line's end.
    const whole = all.endsWith('\r') ? all.length - 1 : all.length;
    let at = 0;
    for (const match of all.slice(0, whole).matchAll(/\r\n|\n|\r/g)) {
      this.#line(all.slice(at, match.index), events);
      at = match.index + match[0].length;
    }
    this.#rest = all.slice(at);
    if (this.#rest.length + this.#dataUnits > eventUnitsMax)
      throw new LockstepError('invalid', 'an event of this stream is too long', { values: { eventUnitsMax } });
    return events;
  }

  #line(line: string, events: ServerSentEvent[]): void {
    if (line === '') return this.#end(events);
    const colon = line.indexOf(':');
    if (colon === 0) return;
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1);
    if (field === 'data') {
      this.#data.push(value);
      this.#dataUnits += value.length;
    } else if (field === 'event') this.#type = value;
    else if (field === 'id' && !value.includes('\0')) this.#id = value;
  }

  #end(events: ServerSentEvent[]): void {
    if (this.#data.length > 0)
      events.push({ id: this.#id, type: this.#type === '' ? 'message' : this.#type, data: this.#data.join('\n') });
    this.#type = '';
    this.#data = [];
    this.#dataUnits = 0;
  }
}
