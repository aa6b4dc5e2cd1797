/**
 * The servers of the engines' rows, each started once, for all sides that use it, and stopped with the last of them. A program that is missing is told loudly, and its rows are not measured.
 */
import { programOf } from '../../test/servers/needs.ts';
import { startNats } from '../../test/servers/nats.ts';
import { startPostgres } from '../../test/servers/postgres.ts';

/** Something that is opened by the first who takes it and closed after the last of those who said that they will. */
export class Shared<T extends { stop(): Promise<void> }> {
  readonly #open: () => Promise<T>;
  #opened: Promise<T> | null = null;
  #expected = 0;

  constructor(open: () => Promise<T>) {
    this.#open = open;
  }

  /** Who says so takes it once, and leaves it. */
  expect(): void {
    this.#expected++;
  }

  take(): Promise<T> {
    this.#opened ??= this.#open();
    return this.#opened;
  }

  async leave(): Promise<void> {
    if (--this.#expected > 0 || this.#opened === null) return;
    const opened = await this.#opened;
    this.#opened = null;
    await opened.stop();
  }
}

function found(name: string): string | null {
  const program = programOf(name);
  if (program === null) console.log(`\n!! ${name} is missing: its rows are NOT MEASURED.\n`);
  return program;
}

const natsProgram = found('nats-server');
const postgresProgram = found('postgresql');
export const hasNats: boolean = natsProgram !== null;
export const hasPostgres: boolean = postgresProgram !== null;

export type NatsCopies = 1 | 3;

/** One server for a stream of one copy, a cluster of three for three copies. */
export const natsServers: Readonly<Record<NatsCopies, Shared<Awaited<ReturnType<typeof startNats>>>>> = {
  1: new Shared(() => startNats(natsProgram ?? '', { count: 1 })),
  3: new Shared(() => startNats(natsProgram ?? '', { count: 3 })),
};

/** Synced before it answers, as it is installed; memory for its buffers as a server would have it. */
export const postgresServer: Shared<Awaited<ReturnType<typeof startPostgres>>> = new Shared(() =>
  startPostgres(postgresProgram ?? '', { shared_buffers: '256MB', max_wal_size: '4GB' }),
);
