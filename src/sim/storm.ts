import type { SeededRandom } from '../kernel/random.ts';
import type { Fabric } from './fabric.ts';
import type { Machine } from './machine.ts';
import type { Timeline } from './timeline.ts';
import type { Range, Weather } from './weather.ts';

/** The weather at work: faults come at random times with the means that the weather gives, until the storm ends. */
export class Storm {
  readonly #timeline: Timeline;
  readonly #weather: Weather;
  readonly #random: SeededRandom;
  readonly #machines: ReadonlyMap<string, Machine>;
  readonly #fabric: Fabric;
  #over = false;

  constructor(
    timeline: Timeline,
    weather: Weather,
    random: SeededRandom,
    machines: ReadonlyMap<string, Machine>,
    fabric: Fabric,
  ) {
    this.#timeline = timeline;
    this.#weather = weather;
    this.#random = random;
    this.#machines = machines;
    this.#fabric = fabric;
    this.#every('cut', weather.cutEveryMs, (random) => this.#cut(random));
    this.#every('crash', weather.crashEveryMs, (random) => {
      this.#victim(random)?.crash(random.chance(weather.powerShare) ? 'power' : 'process');
    });
    this.#every('pause', weather.pauseEveryMs, (random) => this.#pause(random));
    this.#every('slow-disk', weather.slowDiskEveryMs, (random) => this.#slowDisk(random));
    this.#every('disk-full', weather.diskFullEveryMs, (random) => this.#fillDisk(random));
    this.#every('rot', weather.rotEveryMs, (random) => this.#rot(random));
    this.#every('clock', weather.clockJumpEveryMs, (random) => this.#jumpClock(random));
  }

  /** A new machine stands in the weather from its start. */
  meet(machine: Machine): void {
    const random = this.#random.fork(`meet/${machine.name}`);
    const { clockOffMsMax, clockDriftMax } = this.#weather;
    machine.clock.setWallOff(random.between(-clockOffMsMax, clockOffMsMax));
    machine.clock.drift(1 + random.between(-clockDriftMax, clockDriftMax));
    if (this.#over || machine.steady) return;
    machine.strikeChance = this.#weather.strikeChance;
    machine.volume.syncFailChance = this.#weather.syncFailChance;
  }

  /** No new faults; those that are there end: links mended, disks with space, clocks right, the paused resumed. What was lost or rotten stays so. */
  end(): void {
    this.#over = true;
    this.#fabric.fair = true;
    this.#fabric.mendAll();
    for (const machine of this.#machines.values()) {
      machine.resume();
      machine.strikeChance = 0;
      machine.volume.syncFailChance = 0;
      machine.volume.syncFailures = 0;
      machine.volume.fullAt = null;
      machine.volume.slowness = 1;
      machine.clock.drift(1);
      machine.clock.setWallOff(0);
    }
  }

  /** Poisson: the next one comes after an exponentially distributed time. */
  #every(label: string, meanMs: number, strike: (random: SeededRandom) => void): void {
    if (meanMs === Infinity) return;
    const random = this.#random.fork(label);
    const next = (): void => {
      this.#timeline.after(-meanMs * Math.log(1 - random.float()), () => {
        if (this.#over) return;
        strike(random);
        next();
      });
    };
    next();
  }

  #after(random: SeededRandom, range: Range, undo: () => void): void {
    this.#timeline.after(random.between(...range), () => {
      if (!this.#over) undo();
    });
  }

  /** A machine that is up and may be harmed. */
  #victim(random: SeededRandom): Machine | undefined {
    const victims = [...this.#machines.values()].filter((machine) => machine.up && !machine.steady);
    return victims.length === 0 ? undefined : random.pick(victims);
  }

  #cut(random: SeededRandom): void {
    const names = [...this.#machines.keys()];
    if (names.length < 2) return;
    const one = random.pick(names);
    const other = random.pick(names.filter((name) => name !== one));
    const how = random.pick(['one way', 'both ways', 'isolate', 'split'] as const);
    const side = new Set(how === 'split' ? names.filter(() => random.chance(0.5)) : [one]);
    const pairs =
      how === 'one way'
        ? [[one, other] as const]
        : how === 'both ways'
          ? [[one, other] as const, [other, one] as const]
          : names.flatMap((a) => names.filter((b) => side.has(a) !== side.has(b)).map((b) => [a, b] as const));
    for (const [from, to] of pairs) this.#fabric.cut(from, to);
    this.#after(random, this.#weather.cutForMs, () => {
      for (const [from, to] of pairs) this.#fabric.mend(from, to);
    });
  }

  #pause(random: SeededRandom): void {
    const machine = this.#victim(random);
    if (machine === undefined || machine.paused) return;
    machine.pause();
    this.#after(random, this.#weather.pauseForMs, () => machine.resume());
  }

  #slowDisk(random: SeededRandom): void {
    const machine = this.#victim(random);
    if (machine === undefined) return;
    machine.volume.slowness = this.#weather.slowDiskFactor;
    this.#timeline.record('fault', machine.name, 'slow disk');
    this.#after(random, this.#weather.slowDiskForMs, () => {
      machine.volume.slowness = 1;
    });
  }

  #fillDisk(random: SeededRandom): void {
    const machine = this.#victim(random);
    if (machine === undefined) return;
    machine.volume.fullAt = random.pick(['write', 'sync'] as const);
    this.#timeline.record('fault', machine.name, `disk full, said at ${machine.volume.fullAt}`);
    this.#after(random, this.#weather.diskFullForMs, () => {
      machine.volume.fullAt = null;
      this.#timeline.record('fault', machine.name, 'disk has space again');
    });
  }

  #rot(random: SeededRandom): void {
    const machine = this.#victim(random);
    const where = machine?.volume.rot(null, null) ?? null;
    if (machine === undefined || where === null) return;
    this.#timeline.record('fault', machine.name, `rot in ${where.path} at ${where.position}`);
  }

  #jumpClock(random: SeededRandom): void {
    const machine = this.#victim(random);
    if (machine === undefined) return;
    const { clockJumpMsMax } = this.#weather;
    machine.clock.setWallOff(random.between(-clockJumpMsMax, clockJumpMsMax));
    this.#timeline.record('clock', machine.name, `wall clock set, now ${Math.round(machine.clock.wallOffMs)} ms off`);
  }
}
