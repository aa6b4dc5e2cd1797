/** The events of an app as AsyncAPI 3.0: a channel for each machine, a message for each of its events in its newest shape. */
import type { App } from '../machine/app.ts';
import { contractOf, type MachineContract } from '../machine/contract.ts';

type Document = Readonly<Record<string, unknown>>;

export function asyncApiOf(app: App<unknown>): Document {
  const machines = Object.entries(contractOf(app).machines);
  return {
    asyncapi: '3.0.0',
    info: { title: app.name, version: '1' },
    channels: Object.fromEntries(machines.map(([name, machine]) => [name, channelOf(name, machine)])),
    operations: Object.fromEntries(
      machines.map(([name]) => [`${name}.events`, { action: 'send', channel: { $ref: `#/channels/${name}` } }]),
    ),
  };
}

function channelOf(name: string, { events }: MachineContract): Document {
  const messages = Object.entries(events).map(([type, shapes]) => [
    type,
    { name: type, payload: shapes.at(-1) ?? true },
  ]);
  return { address: `/machines/${name}/events`, messages: Object.fromEntries(messages) };
}
