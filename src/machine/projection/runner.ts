/**
 * Brings projections up to date while this node leads: those that are asynchronous, and those that commands do not keep up
 * yet, as they are new, have new code, or were stopped. One such object an epoch; what it does is one bounded transaction
 * at a time, so commands go on between any two, and its successor goes on where it was.
 */
import { hybridWall } from '../../clock/timestamp.ts';
import type { Timer } from '../../env/timers.ts';
import { asError, isLockstepError } from '../../kernel/errors.ts';
import { elapsedMs } from '../../kernel/time.ts';
import { atMost, isPassing, pause } from '../../log/within.ts';
import { noTracer, type Tracer } from '../../observe/tracer.ts';
import type { WaitEntry } from '../../observe/waits.ts';
import type { EpochService, EpochServiceMaker, Leading, Transaction } from '../../partition/transaction.ts';
import type { App } from '../app.ts';
import { machinesOf } from '../runtime.ts';
import { catchUp, newestEvent, stopAtNext, type CatchUpSetup, type Takers } from './catch-up.ts';
import { progressText } from './progress.ts';
import { projectionsOf, type AnyProjection } from './projection.ts';
import { WriteMeasure } from './rows.ts';
import { TracedStretch } from './traced-stretch.ts';
import { idOf, projectionsSystem, projectionsTopic, stateOf, type ProjectionState } from './state.ts';
import { dropLeft, nextDropMs, takeOver } from './take-over.ts';

export interface ProjectionSettings {
  /** For so long rows are kept that no leading node's code declares, in milliseconds of partition time. Default 3,600,000. */
  readonly keepMs: number;
  /** A transaction takes about so long while commands are sent, in milliseconds, as they wait for it. Default 2. */
  readonly sliceMs: number;
  /** The same while none are, since what a transaction costs by itself is then shared by more events. Default 8. */
  readonly quietSliceMs: number;
  /** Commands whose events one transaction takes at most. Default 4,096. */
  readonly rowsMax: number;
  /** After a commit asynchronous ones wait for others to come, in milliseconds: an append of theirs delays those of commands. Default 10. */
  readonly gatherMs: number;
}

export const projectionDefaults: ProjectionSettings = Object.freeze({
  keepMs: 3_600_000,
  sliceMs: 2,
  quietSliceMs: 8,
  rowsMax: 4_096,
  gatherMs: 10,
});

/** Replaced where a simulation plants what it must find. */
export type CatchUp = typeof catchUp;

export interface ProjectionServiceOptions extends Partial<ProjectionSettings> {
  readonly catchUp?: CatchUp | undefined;
  /** A span for each transaction of a catching up, with links to the commands whose events it took. */
  readonly tracer?: Tracer | undefined;
}

/** For `openPartitions`: brings the app's projections up to date. */
export function projectionService(app: App<unknown>, options: ProjectionServiceOptions = {}): EpochServiceMaker {
  const { catchUp: by = catchUp, tracer = noTracer, ...settings } = options;
  const setup = {
    projections: projectionsOf(app),
    machines: machinesOf(app),
    settings: { ...projectionDefaults, ...settings },
    catchUp: by,
    tracer,
  };
  return () => new ProjectionEpoch(setup);
}

interface EpochSetup {
  readonly projections: readonly AnyProjection[];
  readonly machines: CatchUpSetup['machines'];
  readonly settings: ProjectionSettings;
  readonly catchUp: CatchUp;
  readonly tracer: Tracer;
}

/** So many transactions are under way at once. */
const stretchesMax = 8;
/** Before what was refused is tried again. */
const refusedPauseMs = 50;
const tooLarge = 'what it makes of one command is more than the log takes';
/** So many commands at first: how long they take is not known yet. */
const rowsAtFirst = 256;
/** It looks this often whether something that was left is to be removed, if there is any. */
const dropLookMsMax = 60_000;

class ProjectionEpoch implements EpochService {
  readonly #setup: EpochSetup;
  readonly #measure = new WriteMeasure();
  readonly #waits = new Map<string, WaitEntry>();
  #running: Promise<void> = Promise.resolve();
  /** While there is nothing to do. */
  #sleeping: PromiseWithResolvers<void> | null = null;
  #gathering: Timer | null = null;
  /** Some are brought further by events alone: whoever sleeps is woken by commits. */
  #follows = false;
  /** Of places: a sign that commands are sent. */
  #commits = 0;
  /** Of them, when a stretch last began. */
  #commitsSeen = 0;
  #rowsMax: number;
  #turn = 0;

  constructor(setup: EpochSetup) {
    this.#setup = setup;
    this.#rowsMax = Math.min(rowsAtFirst, setup.settings.rowsMax);
  }

  start(leading: Leading): void {
    leading.onCommit(({ place }) => this.#onCommit(leading, place));
    leading.onNote(projectionsTopic, () => this.#sleeping?.resolve());
    this.#running = this.#run(leading).catch((error: unknown) => {
      if (!leading.signal.aborted && !isLockstepError(error, 'stopped')) leading.fail(asError(error));
    });
  }

  async stop(): Promise<void> {
    await this.#running;
    this.#gathering?.cancel();
    for (const wait of this.#waits.values()) wait.leave();
  }

  /** Commands alone are counted; what comes soon after the first of them is taken with it. */
  #onCommit({ ports }: Leading, place: string | null): void {
    if (place === null) return;
    this.#commits++;
    if (!this.#follows || this.#sleeping === null || this.#gathering !== null) return;
    this.#gathering = ports.timers.after(this.#setup.settings.gatherMs, () => {
      this.#gathering = null;
      this.#sleeping?.resolve();
    });
  }

  /** Until the epoch is over: then the signal, or the transaction, throws. */
  async #run(leading: Leading): Promise<void> {
    const { projections, settings } = this.#setup;
    await transacted(leading, (tx) => takeOver(tx, projections));
    for (;;) {
      const due = this.#look(leading);
      if (due.length > 0) await this.#advance(leading, due);
      else if (this.#isDropDue(leading)) await transacted(leading, (tx) => dropLeft(tx, projections, settings.keepMs));
      else await this.#sleep(leading);
    }
  }

  /** Those that a transaction would bring further. */
  #look({ reader, waits, name }: Leading): readonly AnyProjection[] {
    const space = reader.system(projectionsSystem, null);
    const newest = newestEvent(reader);
    const states = this.#setup.projections.flatMap((projection) => {
      const state = stateOf(space, idOf(projection));
      return state === null ? [] : [{ projection, state }];
    });
    this.#follows = states.some(({ state }) => state.position !== null);
    for (const { projection, state } of states) {
      const text = progressText(state, newest);
      const entry = this.#waits.get(projection.name);
      if (text === null) {
        entry?.leave();
        this.#waits.delete(projection.name);
      } else if (entry !== undefined) entry.waitsFor = text;
      else {
        const about = { what: 'projection', key: projection.name, waitsFor: text, heldBy: name, withinMs: null };
        const entered = waits?.enterIfRoom(about) ?? null;
        if (entered !== null) this.#waits.set(projection.name, entered);
      }
    }
    return states.filter(({ projection, state }) => isDue(projection, state, newest)).map((one) => one.projection);
  }

  /**
   * One of them in turn, and those that are on its way: one stretch after the other, between which commands have at least
   * half of the time. A few are on their way to the log at once.
   */
  async #advance(leading: Leading, due: readonly AnyProjection[]): Promise<void> {
    const { settings } = this.#setup;
    const first = due[this.#turn++ % due.length] as AnyProjection;
    const rowsMax = this.#rowsMax;
    // Alone, if it could not be less: then it is known whose changes are too large.
    const takers = { first, others: rowsMax === 1 ? [] : due.filter((one) => one !== first) };
    const stretches: Promise<'done' | 'too-large'>[] = [];
    while (stretches.length < stretchesMax) {
      const isQuiet = this.#commits === this.#commitsSeen;
      this.#commitsSeen = this.#commits;
      const sliceMs = isQuiet ? settings.quietSliceMs : settings.sliceMs;
      const { outcome, isLast, tookMs } = this.#stretch(leading, takers, { rowsMax, sliceMs });
      stretches.push(outcome);
      if (isLast) break;
      await pause(leading.ports.timers, isQuiet ? 0 : tookMs, [leading.signal]);
    }
    const outcomes = await Promise.all(stretches);
    if (!outcomes.includes('too-large')) this.#rowsMax = Math.min(settings.rowsMax, rowsMax * 2);
    else if (rowsMax > 1) this.#rowsMax = Math.ceil(rowsMax / 4);
    else await transacted(leading, (tx) => stopAtNext(tx, first, tooLarge));
  }

  /** It runs at once, unless it is refused for now. */
  #stretch(leading: Leading, takers: Takers, { rowsMax, sliceMs }: Bounds): Stretched {
    const { clock } = leading.ports;
    const { machines, tracer } = this.#setup;
    const traced = tracer === noTracer ? null : new TracedStretch(tracer, takers);
    let isLast = true;
    let tookMs = 0;
    const outcome = transacted(leading, (tx) => {
      traced?.begin();
      const begun = clock.now();
      const isEnough = (): boolean => elapsedMs(begun, clock.now()) >= sliceMs;
      const stretch = { rowsMax, isEnough, onRow: traced?.onRow };
      isLast = this.#setup.catchUp(tx, { machines, measure: this.#measure }, takers, stretch);
      tookMs = elapsedMs(begun, clock.now());
    });
    outcome.catch(() => {}); // it is awaited with the others
    if (traced !== null) void outcome.then(traced.end, traced.end);
    return { outcome, isLast, tookMs };
  }

  #isDropDue(leading: Leading): boolean {
    const dropMs = this.#nextDropMs(leading);
    return dropMs !== null && hybridWall(leading.now()) >= dropMs;
  }

  #nextDropMs({ reader }: Leading): number | null {
    return nextDropMs(reader, this.#setup.projections, this.#setup.settings.keepMs);
  }

  async #sleep(leading: Leading): Promise<void> {
    const { promise } = (this.#sleeping = Promise.withResolvers<void>());
    const ms = this.#nextDropMs(leading) === null ? Infinity : dropLookMsMax;
    await atMost(leading.ports.timers, ms, [leading.signal], () => promise);
    this.#sleeping = null;
  }
}

interface Bounds {
  /** Commands. */
  readonly rowsMax: number;
  readonly sliceMs: number;
}

interface Stretched {
  readonly outcome: Promise<'done' | 'too-large'>;
  /** There is no event behind it, or it was refused for now. */
  readonly isLast: boolean;
  readonly tookMs: number;
}

/** A stopped one is due when somebody asked for it; an asynchronous one that has all events is not. */
function isDue(projection: AnyProjection, state: ProjectionState, newest: number): boolean {
  const { position, phase, stopped } = state;
  if (position === null || stopped?.isDue === false) return false;
  return position < newest || phase === 'building' || projection['~projection'].update === 'inline';
}

/** Again until it is known what became of it. @throws the signal's reason once the epoch is over; what `fn` throws. */
async function transacted(leading: Leading, fn: (tx: Transaction) => void): Promise<'done' | 'too-large'> {
  for (;;) {
    try {
      const { kind, ...outcome } = await leading.transact(null, fn);
      if (kind === 'committed') return 'done';
      if ('reason' in outcome && outcome.reason === 'too-large') return 'too-large';
    } catch (error) {
      if (!isPassing(error)) throw error;
    }
    await pause(leading.ports.timers, refusedPauseMs, [leading.signal]);
  }
}
