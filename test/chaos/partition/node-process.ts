/** A node of a chaos of partitions as its process: killed, stopped, and started again also when it ended by itself. */
import { Lives } from '../lives.ts';
import type { NodeOrder } from './node.ts';

const program = new URL('./node.ts', import.meta.url);
const watchMs = 100;

export class NodeProcess extends Lives {
  readonly name: string;
  readonly #order: NodeOrder;
  readonly #watch: NodeJS.Timeout;
  #isWanted = false;
  #lives = 0;
  #ownEnds = 0;

  constructor(order: NodeOrder) {
    super(program, ['--conditions=lockstep-source']);
    this.name = order.name;
    this.#order = order;
    this.#watch = setInterval(() => {
      if (!this.#isWanted || this.isRunning) return;
      this.#ownEnds++;
      this.begin();
    }, watchMs);
  }

  /** How often it was started. */
  get lives(): number {
    return this.#lives;
  }

  /** How often it ended without having been killed. */
  get ownEnds(): number {
    return this.#ownEnds;
  }

  begin(): void {
    this.#isWanted = true;
    this.#lives++;
    this.start(this.#order);
  }

  override async kill(): Promise<void> {
    this.#isWanted = false;
    await super.kill();
  }

  async close(): Promise<void> {
    clearInterval(this.#watch);
    await this.kill();
  }
}
