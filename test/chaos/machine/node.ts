/** The process of a chaos of machines: the bank on a directory, served to this machine until it is killed. */
import { open } from 'lockstep';
import { serve } from 'lockstep/server/node';
import { bank, partitionCount } from './bank.ts';

export interface MachineOrder {
  readonly data: string;
  readonly port: number;
}

const { data, port } = JSON.parse(process.argv[2] ?? '') as MachineOrder;
const node = await open(bank, { data, partitions: partitionCount });
await serve(node, { port });
