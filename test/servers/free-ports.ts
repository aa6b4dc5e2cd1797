/** Ports of the loopback that nobody had a moment ago. Somebody else may take one before a server does: it tries again. */
import { createServer, type Server } from 'node:net';

/** All at once, so that no two are the same. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const probes = Array.from({ length: count }, () => createServer());
  const ports = await Promise.all(probes.map((probe) => portOf(probe)));
  await Promise.all(probes.map((probe) => new Promise((resolve) => probe.close(resolve))));
  return ports;
}

export async function freePort(): Promise<number> {
  return (await freePorts(1))[0] as number;
}

function portOf(probe: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      if (address === null || typeof address === 'string') reject(new Error('a port has a number'));
      else resolve(address.port);
    });
  });
}
