import type { FrameStream, NodeAddress } from '../env/network.ts';
import type { SeededRandom } from '../kernel/random.ts';
import type { Machine, Process } from './machine.ts';
import type { Timeline } from './timeline.ts';
import type { Weather } from './weather.ts';

/** What lies between the machines: links that can be cut, each way for itself, who listens where, and how long things take. */
export class Fabric {
  readonly timeline: Timeline;
  readonly weather: Weather;
  readonly machines: ReadonlyMap<string, Machine>;
  readonly #random: SeededRandom;
  readonly #cuts = new Set<string>();
  readonly #parkedPipes = new Set<{ readonly from: string; readonly to: string; resume(): void }>();
  readonly #listeners = new Map<NodeAddress, Listening>();
  #streamCount = 0;
  /** While the storm is over nothing is lost or slow any more. */
  fair = false;

  constructor(timeline: Timeline, weather: Weather, machines: ReadonlyMap<string, Machine>, random: SeededRandom) {
    this.timeline = timeline;
    this.weather = weather;
    this.machines = machines;
    this.#random = random;
  }

  cut(from: string, to: string): void {
    if (from === to || this.isCut(from, to)) return;
    this.#cuts.add(`${from} ${to}`);
    this.timeline.record('cut', from, `cut to ${to}`, to);
  }

  mend(from: string, to: string): void {
    if (!this.#cuts.delete(`${from} ${to}`)) return;
    this.timeline.record('mend', from, `mended to ${to}`, to);
    for (const pipe of [...this.#parkedPipes]) {
      if (pipe.from !== from || pipe.to !== to) continue;
      this.#parkedPipes.delete(pipe);
      pipe.resume();
    }
  }

  mendAll(): void {
    for (const link of [...this.#cuts]) this.mend(...(link.split(' ') as [string, string]));
  }

  isCut(from: string, to: string): boolean {
    return this.#cuts.size > 0 && this.#cuts.has(`${from} ${to}`);
  }

  /** Tells the pipe once its link is mended. */
  park(pipe: { readonly from: string; readonly to: string; resume(): void }): void {
    this.#parkedPipes.add(pipe);
  }

  nextStream(): number {
    return ++this.#streamCount;
  }

  latencyMs(): number {
    const latencyMs = this.#random.between(...this.weather.latencyMs);
    return !this.fair && this.#random.chance(this.weather.slowFrameChance) ? latencyMs * 10 : latencyMs;
  }

  breakAfterMs(): number {
    return this.#random.between(...this.weather.breakAfterMs);
  }

  loses(): boolean {
    return this.weather.lossChance > 0 && !this.fair && this.#random.chance(this.weather.lossChance);
  }

  flip(): boolean {
    return this.#random.chance(0.5);
  }

  listening(address: NodeAddress): Listening | undefined {
    return this.#listeners.get(address);
  }

  listen(address: NodeAddress, listening: Listening): void {
    this.#listeners.set(address, listening);
  }

  unlisten(address: NodeAddress, listening: Listening): void {
    if (this.#listeners.get(address) === listening) this.#listeners.delete(address);
  }
}

export interface Listening {
  readonly process: Process;
  readonly onStream: (stream: FrameStream) => void;
}
