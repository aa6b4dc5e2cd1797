/**
 * Repeating times as `cron` writes them: minute, hour, day of the month, month, day of the week, after POSIX `crontab` with
 * the usual additions (steps, names, `@daily` and its like). In UTC alone: the rules of other zones come with the host
 * and change with it, and then two nodes would not agree on a time.
 */
import { LockstepError } from '../../kernel/errors.ts';

/** Which minutes: `daysOfMonth` and `daysOfWeek` are joined by `or` where both are restricted, as in `cron`. */
interface Cron {
  readonly minutes: ReadonlySet<number>;
  readonly hours: ReadonlySet<number>;
  readonly daysOfMonth: ReadonlySet<number>;
  readonly months: ReadonlySet<number>;
  /** 0 is Sunday. */
  readonly daysOfWeek: ReadonlySet<number>;
  readonly isEitherDay: boolean;
}

interface Field {
  readonly name: string;
  readonly first: number;
  readonly last: number;
  readonly names: readonly string[];
}

const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'] as const;
const days = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;

const minuteField: Field = { name: 'minute', first: 0, last: 59, names: [] };
const hourField: Field = { name: 'hour', first: 0, last: 23, names: [] };
const dayField: Field = { name: 'day of the month', first: 1, last: 31, names: [] };
const monthField: Field = { name: 'month', first: 1, last: 12, names: months };
/** Sunday is 0 and 7. */
const weekdayField: Field = { name: 'day of the week', first: 0, last: 7, names: days };

const shorthands: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
};

const minuteMs = 60_000;
const dayMs = 86_400_000;
/** The 29th of February comes again after eight years at the latest; on a given weekday after forty. */
const searchDaysMax = 41 * 366;
const unitsMax = 256;

/**
 * The first time of the pattern after `afterMs`, in milliseconds since 1970. Whole minutes, UTC.
 * @throws LockstepError `misuse` for a text that is no pattern, and for a day that never comes, such as 30 February.
 */
export function nextCron(pattern: string, afterMs: number): number {
  const cron = parseCron(pattern);
  const firstMs = (Math.floor(afterMs / minuteMs) + 1) * minuteMs;
  let dayAt = Math.floor(firstMs / dayMs) * dayMs;
  for (let count = 0; count < searchDaysMax; count++, dayAt += dayMs) {
    if (!isDay(cron, new Date(dayAt))) continue;
    const found = firstOfDay(cron, Math.max(0, firstMs - dayAt) / minuteMs);
    if (found !== null) return dayAt + found * minuteMs;
  }
  throw wrong(pattern, 'it never comes');
}

function isDay(cron: Cron, day: Date): boolean {
  if (!cron.months.has(day.getUTCMonth() + 1)) return false;
  const ofMonth = cron.daysOfMonth.has(day.getUTCDate());
  const ofWeek = cron.daysOfWeek.has(day.getUTCDay());
  return cron.isEitherDay ? ofMonth || ofWeek : ofMonth && ofWeek;
}

/** In minutes of the day, from `from` on. */
function firstOfDay(cron: Cron, from: number): number | null {
  for (let hour = Math.floor(from / 60); hour < 24; hour++) {
    if (!cron.hours.has(hour)) continue;
    for (let minute = hour * 60 < from ? from - hour * 60 : 0; minute < 60; minute++)
      if (cron.minutes.has(minute)) return hour * 60 + minute;
  }
  return null;
}

function parseCron(pattern: string): Cron {
  if (pattern.length > unitsMax) throw wrong(pattern, `it has more than ${unitsMax} characters`);
  const lower = pattern.trim().toLowerCase();
  const fields = (shorthands[lower] ?? lower).split(/\s+/);
  const [minute, hour, day, month, weekday] = fields;
  if (fields.length !== 5 || minute === undefined || hour === undefined) throw wrong(pattern, 'it has five fields');
  if (day === undefined || month === undefined || weekday === undefined) throw wrong(pattern, 'it has five fields');
  const read = (field: Field, text: string): ReadonlySet<number> => readField(field, text, pattern);
  const weekdays = read(weekdayField, weekday);
  return {
    minutes: read(minuteField, minute),
    hours: read(hourField, hour),
    daysOfMonth: read(dayField, day),
    months: read(monthField, month),
    daysOfWeek: weekdays.has(7) ? new Set([...weekdays, 0]) : weekdays,
    isEitherDay: !day.startsWith('*') && !weekday.startsWith('*'),
  };
}

/** Lists of `*`, `n`, `n-m`, each with a step `/s`; `n/s` goes on to the end. */
function readField(field: Field, text: string, pattern: string): ReadonlySet<number> {
  const found = new Set<number>();
  for (const item of text.split(',')) {
    const [, span = '', step] = /^([^/]+)(?:\/(\d{1,4}))?$/.exec(item) ?? [];
    const ends = span === '*' ? [] : span.split('-');
    const [from = field.first, to] = ends.map((end) => readNumber(field, end, pattern));
    const last = to ?? (span === '*' || step !== undefined ? lastOf(field) : from);
    const by = step === undefined ? 1 : Number(step);
    if (span === '' || ends.length > 2 || last < from || by < 1) throw wrong(pattern, `'${item}' is no ${field.name}`);
    for (let value = from; value <= last; value += by) found.add(value);
  }
  return found;
}

/** A week has seven days, though its Sunday has two numbers. */
const lastOf = (field: Field): number => (field === weekdayField ? 6 : field.last);

function readNumber(field: Field, text: string, pattern: string): number {
  const named = field.names.indexOf(text);
  const value = named >= 0 ? named + field.first : /^\d{1,2}$/.test(text) ? Number(text) : -1;
  if (value >= field.first && value <= field.last) return value;
  throw wrong(pattern, `'${text}' is no ${field.name}`);
}

const wrong = (pattern: string, why: string): LockstepError =>
  new LockstepError('misuse', `this is no repeating time: ${why}`, {
    values: { cron: pattern.slice(0, unitsMax) },
    advice: ["minute, hour, day of the month, month, day of the week, in UTC, as in '30 4 * * mon-fri'"],
  });
