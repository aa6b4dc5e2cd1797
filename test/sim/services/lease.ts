/**
 * A register that one leader at a time should write, and the lease by which it is chosen. A lease ends by the clock
 * of the register, while its holder may be paused and its frames under way: who holds the lease is never certain,
 * so every lease has a number, and the register takes no write of an older one (a fencing token).
 */
import type { Env, NodeAddress } from 'lockstep/env';
import { answerCalls, call, type Plain } from '../../../src/sim/cluster/calls.ts';

export interface Write {
  readonly token: number;
  readonly value: number;
}

/** In milliseconds. */
const leaseMs = 200;

type Request =
  | { readonly kind: 'acquire'; readonly node: string }
  | { readonly kind: 'read' }
  | { readonly kind: 'write'; readonly token: number; readonly value: number };

export interface RegisterOptions {
  /** All writes, in their order: the scenario looks at them. */
  readonly writes: Write[];
  readonly checksToken: boolean;
}

export function register(env: Env, address: NodeAddress, options: RegisterOptions): Promise<never> {
  const { writes, checksToken } = options;
  let lease = { node: '', token: 0, untilMs: 0 };
  return answerCalls(env, address, (json): Plain => {
    const request = json as unknown as Request;
    const nowMs: number = env.clock.now();
    switch (request.kind) {
      case 'acquire': {
        if (lease.node !== request.node && nowMs < lease.untilMs) return { granted: false };
        const token = lease.node === request.node && nowMs < lease.untilMs ? lease.token : lease.token + 1;
        lease = { node: request.node, token, untilMs: nowMs + leaseMs };
        return { granted: true, token };
      }
      case 'read':
        return { value: writes.at(-1)?.value ?? 0 };
      case 'write': {
        if (checksToken && request.token < lease.token) return { written: false };
        writes.push({ token: request.token, value: request.value });
        return { written: true };
      }
    }
  });
}

/** Leads whenever it can: takes the lease, then reads, works and writes while it believes that it holds it. */
export async function candidate(env: Env, name: string, address: NodeAddress): Promise<never> {
  for (;;) {
    try {
      const askedAt = env.clock.now(); // the lease may begin then, and no later
      const lease = (await call(env, address, { kind: 'acquire', node: name })) as { granted: boolean; token?: number };
      if (lease.granted) await lead(env, address, lease.token ?? 0, () => env.clock.now() - askedAt < leaseMs);
    } catch {
      // Nobody answered: another candidate may have more luck meanwhile.
    }
    await env.sleep('30ms');
  }
}

async function lead(env: Env, address: NodeAddress, token: number, mayLead: () => boolean): Promise<void> {
  while (mayLead()) {
    const { value } = (await call(env, address, { kind: 'read' })) as { value: number };
    await env.sleep('10ms'); // the work
    if (!mayLead()) return;
    const { written } = (await call(env, address, { kind: 'write', token, value: value + 1 })) as { written: boolean };
    if (!written) return;
  }
}
