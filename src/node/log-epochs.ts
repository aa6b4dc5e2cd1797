/**
 * What a node logs of its partitions: since when it leads one and no longer does, which projections stopped, which messages were
 * put aside. It hears of them as they become durable, and asks nobody.
 */
import { projectionsSystem, projectionsTopic, statesOf } from '../machine/projection/state.ts';
import type { Logger } from '../observe/logger.ts';
import { deadLetterTopic, type PutAside } from '../partition/channel/receiver.ts';
import type { EpochService, EpochServiceMaker, Leading } from '../partition/transaction.ts';

/** For `openPartitions`. */
export const logEpochs =
  (logger: Logger): EpochServiceMaker =>
  () =>
    new LoggedEpoch(logger);

class LoggedEpoch implements EpochService {
  readonly #logger: Logger;
  #partition = '';
  /** Projections that are known to stand, each with the event at which it does. */
  #stopped = new Set<string>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  start(leading: Leading): void {
    const { name, epoch } = leading;
    this.#partition = name;
    this.#logger({ level: 'info', event: 'leading', about: { partition: name, epoch: Number(epoch) } });
    this.#look(leading);
    leading.onNote(projectionsTopic, () => this.#look(leading));
    leading.onNote(deadLetterTopic, (note) => {
      const { sender, attempts, why } = note as PutAside;
      const about = { partition: name, sender, attempts, why };
      this.#logger({ level: 'warn', event: 'message-put-aside', about });
    });
  }

  async stop(): Promise<void> {
    this.#logger({ level: 'info', event: 'leading-ended', about: { partition: this.#partition } });
  }

  #look({ reader, name }: Leading): void {
    const stopped = new Set<string>();
    for (const state of statesOf(reader.system(projectionsSystem, null))) {
      if (state.stopped === null) continue;
      const { error, event } = state.stopped;
      const what = `${state.name}@${state.codeVersion} ${event.machine}/${event.key}@${event.version}`;
      stopped.add(what);
      if (this.#stopped.has(what)) continue;
      const about = { partition: name, projection: state.name, machine: event.machine, key: event.key };
      this.#logger({
        level: 'warn',
        event: 'projection-stopped',
        about: { ...about, version: event.version, why: error },
      });
    }
    this.#stopped = stopped;
  }
}
