/**
 * `lockstep import`: the rows of a file as commands to the node that runs. Rows of one instance in their order, of others many
 * at once. What a row leads to is decided as ever: history from elsewhere comes in through the same door as everything.
 */
import { createReadStream, type ReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Remote } from '../client/remote.ts';
import { isLockstepError, LockstepError } from '../kernel/errors.ts';
import { countText } from '../kernel/count-text.ts';
import type { CommandOutcome } from '../machine/router.ts';
import { commandId } from '../partition/command-id.ts';
import { jsonOf } from '../server/wire.ts';
import { csvRecords } from './csv.ts';
import { readImportState, writeImportState } from './import-state.ts';
import { line, seconds } from './line.ts';
import { asItIs, mappingOf, type MappedCommand, type Mapping, type Row } from './mapping.ts';
import { leftText, Progress } from './progress.ts';
import { remoteTo, type WhichNode } from './running-node.ts';

export interface ImportOptions extends WhichNode {
  readonly json: boolean;
  readonly mapping: string | undefined;
  readonly separator: string | undefined;
  readonly again: boolean;
}

/** So many rows are on their way at once. */
const underWayMax = 128;
/** Between two looks at how far it is, in rows. */
const keepEvery = 1_000;
const listedMax = 20;
const actor = 'lockstep import';

/** The exit code: 0 all is committed, 2 some is rejected. */
export async function importFile(file: string, options: ImportOptions): Promise<number> {
  const before = options.again ? null : readImportState(file);
  if (before?.isDone === true)
    throw new LockstepError('misuse', 'this file was imported; nothing was done', {
      values: { file, rows: before.rows, begun: new Date(before.begunMs).toISOString() },
      advice: ['send all of it once more, as new commands: --again'],
    });
  const mapping = options.mapping === undefined ? asItIs : mappingOf(await jsonIn(options.mapping));
  const begunMs = before?.begunMs ?? Date.now();
  const remote = remoteTo(options);
  const size = await sizeOf(file);
  const source = createReadStream(file, { encoding: 'utf8' });
  const share = (): number => source.bytesRead / size;
  const work = new Import(remote, { file, mapping, begunMs, from: before?.rows ?? 0, share });
  writeImportState(file, { begunMs, rows: before?.rows ?? 0, isDone: false });
  const told = await work.run(rowsOf(source, file, options.separator ?? ','));
  console.log(options.json ? jsonOf(told) : textOf(file, told));
  return told.rejectedCount > 0 ? 2 : 0;
}

async function sizeOf(file: string): Promise<number> {
  try {
    return (await stat(file)).size;
  } catch (cause) {
    throw new LockstepError('invalid', 'the file cannot be read; nothing was done', { values: { file }, cause });
  }
}

async function jsonIn(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch (cause) {
    throw new LockstepError('invalid', 'the mapping cannot be read', { values: { file }, cause });
  }
}

interface Placed {
  readonly line: number;
  readonly row: Row;
}

/** CSV by its name; else JSON, one a line. */
async function* rowsOf(chunks: ReadStream, file: string, separator: string): AsyncGenerator<Placed> {
  if (!file.endsWith('.csv') && !file.endsWith('.tsv')) {
    yield* jsonRows(chunks);
    return;
  }
  let names: readonly string[] | null = null;
  for await (const { line: at, fields } of csvRecords(chunks, file.endsWith('.tsv') ? '\t' : separator)) {
    if (names === null) names = fields;
    else yield { line: at, row: Object.fromEntries(names.map((name, index) => [name, fields[index]])) };
  }
}

async function* jsonRows(chunks: AsyncIterable<string>): AsyncGenerator<Placed> {
  let at = 0;
  let rest = '';
  for await (const chunk of chunks) {
    const lines = `${rest}${chunk}`.split('\n');
    rest = lines.pop() ?? '';
    for (const text of lines) if (++at > 0 && text.trim() !== '') yield { line: at, row: rowIn(text, at) };
  }
  if (rest.trim() !== '') yield { line: at + 1, row: rowIn(rest, at + 1) };
}

function rowIn(text: string, at: number): Row {
  try {
    const row: unknown = JSON.parse(text);
    if (typeof row === 'object' && row !== null) return row as Row;
  } catch (cause) {
    throw new LockstepError('invalid', 'a line is no JSON', { values: { line: at }, cause });
  }
  throw new LockstepError('invalid', 'a line is no object', { values: { line: at } });
}

export interface Imported {
  readonly rows: number;
  readonly committed: number;
  readonly rejectedCount: number;
  /** By the codes of rejections. */
  readonly rejections: Readonly<Record<string, number>>;
  /** The first of them, with the line. */
  readonly first: readonly { readonly line: number; readonly code: string; readonly details: unknown }[];
  readonly tookMs: number;
}

interface ImportSetup {
  readonly file: string;
  readonly mapping: Mapping;
  readonly begunMs: number;
  /** Rows that were decided before. */
  readonly from: number;
  /** Of the file, as far as it was read. */
  readonly share: () => number;
}

class Import {
  readonly #remote: Remote;
  readonly #setup: ImportSetup;
  readonly #progress = new Progress();
  /** What comes next of an instance waits for what came before. */
  readonly #last = new Map<string, Promise<void>>();
  /** In the order of the file. */
  readonly #underWay = new Map<number, Promise<void>>();
  readonly #rejections = new Map<string, number>();
  readonly #first: { line: number; code: string; details: unknown }[] = [];
  #committed = 0;
  #rejected = 0;

  constructor(remote: Remote, setup: ImportSetup) {
    this.#remote = remote;
    this.#setup = setup;
  }

  async run(rows: AsyncIterable<Placed>): Promise<Imported> {
    const { file, begunMs, from, share } = this.#setup;
    const begun = performance.now();
    let count = 0;
    try {
      for await (const placed of rows) {
        if (++count <= from) continue;
        this.#begin(count, placed);
        if (this.#underWay.size >= underWayMax) await Promise.race(this.#underWay.values());
        if (count % keepEvery === 0) writeImportState(file, { begunMs, rows: this.#decided(count), isDone: false });
        const tookMs = performance.now() - begun;
        const rate = `${countText(Math.round(((count - from) / tookMs) * 1_000))}/s`;
        const rows = `${countText(count)} rows of ${basename(file)}`;
        this.#progress.tell(rows, rate, leftText(share(), tookMs));
      }
      await Promise.all(this.#underWay.values());
    } catch (error) {
      await Promise.allSettled(this.#underWay.values());
      throw error;
    } finally {
      this.#progress.end();
      writeImportState(file, { begunMs, rows: this.#decided(count), isDone: false });
    }
    writeImportState(file, { begunMs, rows: count, isDone: true });
    const [committed, rejectedCount] = [this.#committed, this.#rejected];
    const tookMs = performance.now() - begun;
    const rejections = Object.fromEntries(this.#rejections);
    return { rows: count - from, committed, rejectedCount, rejections, first: this.#first, tookMs };
  }

  /** Rows before the first that is not decided. */
  #decided(count: number): number {
    const [oldest] = this.#underWay.keys();
    return oldest === undefined ? count : oldest - 1;
  }

  #begin(number: number, { line: at, row }: Placed): void {
    const commands = mappedAt(at, row, this.#setup.mapping);
    const all = commands.map(({ machine, key, command, data }, index) => {
      const instance = `${machine}/${key}`;
      const before = this.#last.get(instance) ?? Promise.resolve();
      const id = commandId(new Date(this.#setup.begunMs), `import ${number}.${index}`);
      const sent = before.then(async () => {
        const outcome = await this.#remote.send(machine, key, command, data, { commandId: id, actor });
        this.#count(outcome, at);
      });
      this.#last.set(instance, sent);
      const forget = (): void => {
        if (this.#last.get(instance) === sent) this.#last.delete(instance);
      };
      sent.then(forget, forget);
      return sent;
    });
    const work = Promise.all(all).then(() => void this.#underWay.delete(number));
    work.catch(() => {}); // it stays under way, and ends the import where that waits for it
    this.#underWay.set(number, work);
  }

  #count(outcome: CommandOutcome, at: number): void {
    if (outcome.kind === 'committed') {
      this.#committed++;
      return;
    }
    const code = outcome.kind === 'rejected' ? outcome.code : outcome.kind;
    this.#rejected++;
    this.#rejections.set(code, (this.#rejections.get(code) ?? 0) + 1);
    const details = outcome.kind === 'rejected' ? outcome.details : null;
    if (this.#first.length < listedMax) this.#first.push({ line: at, code, details });
  }
}

/** @throws LockstepError `invalid`, with the line. */
function mappedAt(at: number, row: Row, mapping: Mapping): readonly MappedCommand[] {
  try {
    return mapping(row);
  } catch (cause) {
    if (!isLockstepError(cause)) throw cause;
    const advice = ['mend it and begin again: what was imported is not sent once more'];
    throw new LockstepError('invalid', cause.summary, { values: { line: at, ...cause.values }, advice, cause });
  }
}

function textOf(file: string, { rows, committed, rejectedCount, rejections, first, tookMs }: Imported): string {
  const codes = Object.entries(rejections).map(([code, count]) => `${code} ${countText(count)}`);
  const counts = [`${countText(rows)} rows`, `${countText(committed)} commands committed`];
  const rejected = rejectedCount === 0 ? [] : [`${countText(rejectedCount)} rejected: ${codes.join(', ')}`];
  return [
    ...first.map((one) => line('rejected', `line ${one.line}`, one.code, jsonOf(one.details))),
    line('imported', basename(file), ...counts, ...rejected, seconds(tookMs)),
  ].join('\n');
}
