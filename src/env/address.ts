/**
 * The rule for addresses of the network port, one for every world. `host:port`: a name, an IPv4 address, or an IPv6 address in brackets (`[::1]:4000`).
 */
import type { NodeAddress } from './network.ts';
import { LockstepError } from '../kernel/errors.ts';

export interface HostAndPort {
  readonly host: string;
  readonly port: number;
}

const shape = /^(?:\[([0-9A-Fa-f:.%\w]+)\]|([^:[\]\s]+)):(\d{1,5})$/;

/** @throws LockstepError `misuse` for anything else, or a port over 65,535. */
export function parseAddress(address: NodeAddress): HostAndPort {
  const match = shape.exec(address);
  const port = Number(match?.[3]);
  const host = match?.[1] ?? match?.[2];
  if (host === undefined || port > 65_535) {
    throw new LockstepError('misuse', 'an address is a host, a colon and a port', {
      values: { address },
      advice: ['for example `127.0.0.1:4000`, `node-1.internal:4000` or `[::1]:4000`'],
    });
  }
  return { host, port };
}

export function printAddress(host: string, port: number): NodeAddress {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
