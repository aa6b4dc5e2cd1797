/** The contract over logs in NATS JetStream: a real server alone, and a stream of three replicas on three servers. */
import { connect, headers } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe } from 'vitest';
import { FaultyNats } from '../../test/contracts/faulty-nats.ts';
import { logContractOf } from '../../test/contracts/log.ts';
import { programOf } from '../../test/servers/needs.ts';
import { startNats, type NatsServers } from '../../test/servers/nats.ts';
import { hostEnv } from '../os/env.ts';
import type { LogHarness } from './contract.ts';
import { nats, type NatsConnection } from './nats.ts';

const program = programOf('nats-server');
const config = { silenceMs: 60, pauseMsMax: 15, settleMsMax: 8_000, attemptMsMax: 2_000 };

/** Each case under a prefix of its own, so that it finds no logs. */
function harness(servers: () => NatsServers, replicas: 1 | 3): LogHarness {
  let cases = 0;
  return {
    reasons: { stopWriter: 'the server writes, not this process' },
    run: async (body) => {
      const prefix = `case-${replicas}-${++cases}`;
      const options = { servers: [...servers().servers] };
      const one: NatsConnection = await connect(options);
      const two: NatsConnection = await connect(options);
      const faulty = new FaultyNats(one, prefix, headers);
      const engine = await nats({ connection: faulty, prefix, replicas, config }).open(hostEnv);
      const other = await nats({ connection: two, prefix, replicas, config }).open(hostEnv);
      try {
        await body({ env: hostEnv, engine, other, faults: faulty.faults });
      } finally {
        for (const name of await other.list()) await other.remove(name);
        await Promise.all([engine.close(), other.close()]);
        await Promise.all([one.close(), two.close()]);
      }
    },
  };
}

for (const count of [1, 3] as const) {
  describe.skipIf(program === null).concurrent(`with ${count} server${count > 1 ? 's' : ''}`, () => {
    let running: NatsServers | null = null;
    const servers = (): NatsServers => running ?? raise();
    beforeAll(async () => {
      running = await startNats(program ?? '', { count });
    });
    afterAll(() => running?.stop());
    logContractOf(`nats, replicas ${count},`, harness(servers, count));
  });
}

function raise(): never {
  throw new Error('the servers were not started');
}
