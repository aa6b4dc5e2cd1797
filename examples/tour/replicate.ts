/** A counter that three processes stand for serving: whoever leads is killed, the next goes on, clients send again by id. */
import { openHostEnv } from 'lockstep';
import type { Env, NodeAddress } from 'lockstep/env';
import type { Answer, Ask } from './contender.ts';
import { ended, type Program, startProgram, withDirectory } from './program.ts';

export interface Reign {
  readonly name: string;
  /** Of the increments that it acknowledged, or told that they had been done before. */
  first: number;
  last: number;
}

export interface Replicated {
  readonly reigns: readonly Reign[];
  readonly acknowledged: number;
  /** Attempts without an answer. */
  readonly unanswered: number;
  /** Increments that, sent again, turned out to have been done. */
  readonly doneBefore: number;
  /** What the counter says in the end. */
  readonly count: number;
}

const names = ['ann', 'bob', 'cid'] as const;
const clientCount = 4;
const answerMs = 1_000;
const pauseMs = 20;
const withinMs = 30_000;

/** Each client increments so often; the leader is killed after a third of all, the next one after two thirds. */
export function replicate(increments: number): Promise<Replicated> {
  return withDirectory(async (data) => {
    const env = await openHostEnv();
    const counter = new Counter(env);
    const programs = names.map((name) => counter.watch(name, startProgram('contender.ts', name, data)));
    try {
      const all = clientCount * increments;
      counter.killAfter([Math.floor(all / 3), Math.floor((2 * all) / 3)]);
      const clients = Promise.all(Array.from({ length: clientCount }, () => counter.increment(increments)));
      const read = clients.then(() => counter.answered({ id: null }));
      const { count } = await Promise.race([read, ...programs.map(failureOf), tooLate(env)]);
      return { ...counter.figures, count };
    } finally {
      for (const program of programs) program.kill('SIGKILL');
      await Promise.all(programs.filter(({ exitCode, signalCode }) => (exitCode ?? signalCode) === null).map(ended));
      await env.close();
    }
  });
}

interface Leader {
  readonly program: Program;
  readonly address: NodeAddress;
  readonly reign: Reign;
}

const nothing: Answer = { kind: 'no answer', count: null };

/** Rejects when it ends without having been killed; what it said to its standard error is there to read. */
const failureOf = (program: Program): Promise<never> =>
  new Promise((_, reject) => {
    program.once('close', (code, signal) => {
      if (signal !== 'SIGKILL') reject(new Error(`a contender ended with ${signal ?? code}`));
    });
  });

async function tooLate(env: Env): Promise<never> {
  await env.sleep(`${withinMs}ms`);
  throw new Error(`the counter has not come to its end within ${withinMs / 1_000} s`);
}

/** The counter as its clients know it: they are told who leads, and nothing of who will. */
class Counter {
  readonly #env: Env;
  readonly #reigns: Reign[] = [];
  #leader: Leader | null = null;
  #killsAt: readonly number[] = [];
  #acknowledged = 0;
  #unanswered = 0;
  #doneBefore = 0;

  constructor(env: Env) {
    this.#env = env;
  }

  get figures(): Omit<Replicated, 'count'> {
    const [acknowledged, unanswered, doneBefore] = [this.#acknowledged, this.#unanswered, this.#doneBefore];
    return { reigns: this.#reigns, acknowledged, unanswered, doneBefore };
  }

  killAfter(acknowledged: readonly number[]): void {
    this.#killsAt = acknowledged;
  }

  /** It says where it listens once it leads. */
  watch(name: string, program: Program): Program {
    program.stdout.on('data', (line: string) => {
      const reign = { name, first: Infinity, last: 0 };
      this.#reigns.push(reign);
      this.#leader = { program, address: line.trim() as NodeAddress, reign };
    });
    return program;
  }

  async increment(times: number): Promise<void> {
    for (let time = 0; time < times; time++) {
      const { kind, count, by } = await this.answered({ id: this.#env.newId() });
      this.#acknowledged++;
      if (kind === 'already-done') this.#doneBefore++;
      by.reign.first = Math.min(by.reign.first, count);
      by.reign.last = Math.max(by.reign.last, count);
      if (this.#acknowledged !== this.#killsAt[0]) continue;
      this.#killsAt = this.#killsAt.slice(1);
      this.#leader = null;
      by.program.kill('SIGKILL');
    }
  }

  /** Asks whoever leads, again and again with the same id, until there is an answer that says that it is done. */
  async answered(ask: Ask): Promise<{ readonly kind: string; readonly count: number; readonly by: Leader }> {
    for (;;) {
      const by = this.#leader;
      const { kind, count } = (by === null ? null : await this.#ask(by.address, ask)) ?? nothing;
      if (by !== null && count !== null) return { kind, count, by };
      await this.#env.sleep(`${pauseMs}ms`);
    }
  }

  /** Null: nobody knows whether it was done. */
  async #ask(address: NodeAddress, ask: Ask): Promise<Answer | null> {
    const { network, timers } = this.#env;
    try {
      const stream = await network.connect(address, { withinMs: answerMs });
      const timer = timers.after(answerMs, () => stream.close()); // `receive` then gives null
      stream.send(new TextEncoder().encode(JSON.stringify(ask)));
      const frames = await stream.receive().finally(() => {
        timer.cancel();
        stream.close();
      });
      if (frames?.[0] !== undefined) return JSON.parse(new TextDecoder().decode(frames[0])) as Answer;
    } catch {
      // It is gone, or was: as good as no answer.
    }
    this.#unanswered++;
    return null;
  }
}
