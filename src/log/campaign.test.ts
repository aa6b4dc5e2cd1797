import { expect, test } from 'vitest';
import type { Env } from '../env/env.ts';
import { LockstepError } from '../kernel/errors.ts';
import { simulate } from '../sim/simulate.ts';
import { campaign, type Candidacy } from './campaign.ts';

const config = { silenceMs: 1_000, pauseMsMax: 200 };

async function inWorld(body: (env: Env) => Promise<void>): Promise<void> {
  await simulate({ seeds: 5, weather: 'calm' }, (world) => world.run('machine', body));
}

/** A holder that shows life, candidates that see it, and who claimed when. */
class Holder {
  mark = 1;
  vacant = false;
  readonly claims: number[] = [];
  readonly #env: Env;
  readonly #from: number;
  #news = Promise.withResolvers<void>();

  constructor(env: Env) {
    this.#env = env;
    this.#from = env.clock.now();
  }

  get elapsedMs(): number {
    return this.#env.clock.now() - this.#from;
  }

  shows(): void {
    this.mark++;
    this.#news.resolve();
    this.#news = Promise.withResolvers();
  }

  candidacy(changes: Partial<Candidacy<string>> = {}): Candidacy<string> {
    return {
      look: async () => ({ mark: this.mark, vacant: this.vacant }),
      news: (signal) =>
        new Promise((resolve, reject) => {
          void this.#news.promise.then(resolve);
          signal.addEventListener('abort', () => reject(signal.reason), { once: true });
        }),
      claim: async () => {
        this.claims.push(this.elapsedMs);
        return 'won';
      },
      ...changes,
    };
  }
}

test('where nobody leads the claim comes at once', async () => {
  await inWorld(async (env) => {
    const holder = new Holder(env);
    holder.vacant = true;
    expect(await campaign(env, config, holder.candidacy(), [])).toBe('won');
    expect(holder.elapsedMs).toBeLessThan(1);
  });
});

test('a silence is waited out, then a pause at random, counted from the last sign of life', async () => {
  await inWorld(async (env) => {
    const holder = new Holder(env);
    const running = campaign(env, config, holder.candidacy(), []);
    for (let round = 0; round < 4; round++) {
      await env.sleep('700ms');
      holder.shows();
    }
    await running;
    const [claimedMs] = holder.claims as [number];
    expect(claimedMs).toBeGreaterThanOrEqual(2_800 + config.silenceMs);
    expect(claimedMs).toBeLessThan(2_800 + config.silenceMs + config.pauseMsMax + 100);
  });
});

test('who was not first goes on, and pauses even where nobody leads', async () => {
  await inWorld(async (env) => {
    const holder = new Holder(env);
    holder.vacant = true;
    let claimCount = 0;
    const claim = async (): Promise<string | null> => (++claimCount < 3 ? null : 'won');
    expect(await campaign(env, config, holder.candidacy({ claim }), [])).toBe('won');
    expect(claimCount).toBe(3);
    expect(holder.elapsedMs).toBeGreaterThan(0);
  });
});

test('what cannot be reached for a while is tried again; what may have happened, or is final, is thrown', async () => {
  await inWorld(async (env) => {
    const holder = new Holder(env);
    holder.vacant = true;
    let [lookCount, claimCount] = [0, 0];
    const unavailable = (): LockstepError => new LockstepError('unavailable', 'x');
    const flaky = holder.candidacy({
      look: async () => {
        if (++lookCount < 3) throw unavailable();
        return { mark: 1, vacant: true };
      },
      claim: async () => {
        if (++claimCount < 3) throw unavailable();
        return 'won';
      },
    });
    expect(await campaign(env, config, flaky, [])).toBe('won');
    for (const kind of ['unknown', 'corrupt'] as const) {
      const claim = (): Promise<never> => Promise.reject(new LockstepError(kind, 'x'));
      await expect(campaign(env, config, holder.candidacy({ claim }), [])).rejects.toMatchObject({ kind });
    }
    const look = (): Promise<never> => Promise.reject(new LockstepError('corrupt', 'x'));
    await expect(campaign(env, config, holder.candidacy({ look }), [])).rejects.toMatchObject({ kind: 'corrupt' });
  });
});

test('any of its signals ends it with its reason, and leaves no claim', async () => {
  await inWorld(async (env) => {
    const holder = new Holder(env);
    const [one, other] = [new AbortController(), new AbortController()];
    env.timers.after(500, () => other.abort(new Error('enough')));
    await expect(campaign(env, config, holder.candidacy(), [one.signal, other.signal])).rejects.toThrow('enough');
    await env.sleep('5s');
    expect(holder.claims).toEqual([]);
  });
});

test('a candidate that was away for long waits anew: its own pause is not their silence', async () => {
  await simulate({ seeds: 5, weather: 'calm' }, async (world) => {
    let claimedMs = 0;
    const running = world.run('candidate', async (env) => {
      const holder = new Holder(env);
      await campaign(env, config, holder.candidacy(), []);
      claimedMs = world.nowMs;
    });
    await world.sleep('500ms');
    world.pause('candidate');
    await world.sleep('10s');
    world.resume('candidate');
    await running;
    expect(claimedMs).toBeGreaterThanOrEqual(10_500 + config.silenceMs - 1);
  });
});

test('a pause of next to nothing is over at once, however coarse the timers', async () => {
  await inWorld(async (env) => {
    const holder = new Holder(env);
    holder.vacant = true;
    let first = true;
    const candidacy = holder.candidacy({ claim: async () => (first ? ((first = false), null) : 'won') });
    expect(await campaign(env, { silenceMs: 1_000, pauseMsMax: 1e-6 }, candidacy, [])).toBe('won');
    expect(holder.elapsedMs).toBeLessThan(10);
  });
});
