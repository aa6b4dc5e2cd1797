/** Does what a schedule says: each fault at its time, undone after its time; one of the servers' at a time. */
import type { ChaosNode } from './arena.ts';
import type { Fault } from './schedule.ts';

/** A process that can be hurt. */
export interface Victim {
  begin(): void;
  kill(): Promise<void>;
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void;
}

export interface Stage {
  readonly victim: (name: string) => Victim;
  readonly hurtNetwork: (fault: Fault) => void;
  readonly healNetwork: (target: string) => void;
  /** The servers that a fault is about. */
  readonly serversOf: (fault: Fault) => readonly ChaosNode[];
}

/** Resolves when all of them are over, and undone. */
export async function inflict(stage: Stage, faults: readonly Fault[]): Promise<void> {
  const startedAt = performance.now();
  let serversTurn: Promise<void> = Promise.resolve();
  const perform = async (fault: Fault): Promise<void> => {
    const { kind, atMs, forMs, target } = fault;
    await sleep(startedAt + atMs - performance.now());
    if (kind === 'kill-process' || kind === 'stop-process') return hurtProcess(stage.victim(target), fault);
    if (kind === 'cut' || kind === 'refuse' || kind === 'delay' || kind === 'black-hole') {
      stage.hurtNetwork(fault);
      await sleep(forMs);
      return stage.healNetwork(target);
    }
    // On a slow machine a server may still be starting: what comes then comes later.
    serversTurn = serversTurn.then(() => hurtServers(stage.serversOf(fault), fault));
    return serversTurn;
  };
  await Promise.all(faults.map((fault) => perform(fault)));
}

async function hurtProcess(victim: Victim, { kind, forMs }: Fault): Promise<void> {
  if (kind === 'stop-process') {
    victim.signal('SIGSTOP');
    await sleep(forMs);
    return victim.signal('SIGCONT');
  }
  await victim.kill();
  await sleep(forMs);
  victim.begin();
}

async function hurtServers(nodes: readonly ChaosNode[], { kind, forMs }: Fault): Promise<void> {
  if (kind === 'stop-node') {
    for (const node of nodes) node.pause();
    await sleep(forMs);
    for (const node of nodes) node.resume();
    return;
  }
  await Promise.all(nodes.map((node) => node.kill()));
  await sleep(forMs);
  await Promise.all(nodes.map((node) => node.start()));
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
