/**
 * A server under load: durable commands over HTTP beside a bare server of Node's that answers nothing, and events on their way
 * to many subscribers. The servers are one process, the callers this one. And starts of the whole package.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Row, Side, Suite, WorkDone } from './harness.ts';
import type { Ratio } from './ratios.ts';
import { load, socketTo } from './server/load.ts';
import { preparedStarts } from './server/start.ts';

const names = {
  commands: 'a command over HTTP; 64 connections',
  ours: 'ours: decided, on disk',
  bare: 'bare node:http, which answers nothing',
  subscribers: 'an event to every subscriber; 100 events a second',
  streams: 'server-sent events',
  starts: 'start to ready, of the built package as a process',
  serveEmpty: 'serve, an empty directory',
  devEmpty: 'dev, an empty directory',
  serveFilled: 'serve, 1,000,000 events',
} as const;

export const suite: Suite = {
  about:
    'Commands over HTTP on 64 connections that ask in closed loops, each acknowledged after fdatasync; callers and servers ' +
    'share the machine, so that the callers cost as much as the bare server does. Subscribers: milliseconds from before ' +
    'a command is sent until each of them has its event. Starts: from the start of the process until it says where it ' +
    'listens; the package was run before, so that its compiled code is cached.',
  rows: ({ quick }) => [commands(quick), subscribers(quick), ...(quick ? [] : [starts()])], // no start is smaller
  ratios: [
    { name: 'server-commands', row: names.commands, of: names.ours, figure: 'perSecond', bar: { atLeast: 15_000 } },
    {
      name: 'server-vs-bare',
      row: names.commands,
      of: names.ours,
      to: [names.bare],
      figure: 'perSecond',
      bar: { atLeast: 0.3 },
    },
    { name: 'server-p99', row: names.commands, of: names.ours, figure: 'p99Ms', bar: { atMost: 20 } },
    {
      name: 'server-subscribers-p99',
      row: names.subscribers,
      of: names.streams,
      figure: 'p99Ms',
      bar: { atMost: 100 },
    },
    ...startBars([
      ['serve-start-empty', names.serveEmpty, 300],
      ['dev-start-empty', names.devEmpty, 300],
      ['serve-start-1m-events', names.serveFilled, 1_500],
    ]),
  ],
};

function startBars(bars: readonly (readonly [name: string, side: string, atMost: number])[]): readonly Ratio[] {
  const row = { row: names.starts, figure: 'p50Ms', isOptional: true } as const;
  return bars.map(([name, of, atMost]) => ({ ...row, name, of, bar: { atMost } }));
}

interface Ports {
  readonly ours: number;
  readonly bare: number;
}

class Servers {
  readonly ports: Ports;
  readonly #child: ChildProcess;
  readonly #directory: string;

  constructor(child: ChildProcess, directory: string, ports: Ports) {
    this.#child = child;
    this.#directory = directory;
    this.ports = ports;
  }

  static async start(): Promise<Servers> {
    const directory = mkdtempSync(join(tmpdir(), 'bench-server-'));
    const child = fork(join(import.meta.dirname, 'server/process.ts'), [directory]);
    const [ports] = (await once(child, 'message')) as [Ports]; // the only message that it sends
    return new Servers(child, directory, ports);
  }

  async stop(): Promise<void> {
    const ended = once(this.#child, 'exit');
    this.#child.disconnect();
    await ended;
    rmSync(this.#directory, { recursive: true });
  }
}

const post = (port: number, path: string, body: string): string =>
  `POST ${path} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
const add = (port: number, key: string, by: number): string =>
  post(port, `/api/machines/tally/commands/Add?key=${key}`, String(by));

function commands(quick: boolean): Row {
  const side = (name: string, portOf: (ports: Ports) => number, isOurs: boolean): Side => ({
    name,
    durability: isOurs ? 'machine' : 'none',
    async prepare(requests) {
      const servers = await Servers.start();
      const port = portOf(servers.ports);
      return {
        run: async (): Promise<WorkDone> => {
          const requestOf = (caller: number): string => add(port, `tally-${caller}`, 1);
          return { checksum: requests, latenciesMs: await load({ port, connections: 64, requests, requestOf }) };
        },
        close: () => servers.stop(),
      };
    },
  });
  return {
    name: names.commands,
    unit: 'command',
    operations: quick ? 64 : 20_000,
    reference: names.bare,
    sides: [side(names.ours, ({ ours }) => ours, true), side(names.bare, ({ bare }) => bare, false)],
  };
}

function subscribers(quick: boolean): Row {
  const [count, events] = quick ? [5, 5] : [1_000, 100];
  const streams: Side = {
    name: names.streams,
    durability: 'machine',
    async prepare() {
      const servers = await Servers.start();
      let runs = 0;
      return { run: () => subscribed(servers.ports.ours, `run-${runs++}`, count, events), close: () => servers.stop() };
    },
  };
  return {
    name: names.subscribers,
    unit: 'delivery',
    operations: count * events,
    reference: names.streams,
    sides: [streams],
  };
}

function starts(): Row {
  const side = (name: string, command: 'dev' | 'serve', events: number): Side => ({
    name,
    durability: 'machine',
    prepare: () => preparedStarts(command, events),
  });
  return {
    name: names.starts,
    unit: 'start',
    operations: 1,
    reference: names.serveEmpty,
    sides: [
      side(names.serveEmpty, 'serve', 0),
      side(names.devEmpty, 'dev', 0),
      side(names.serveFilled, 'serve', 1_000_000),
    ],
  };
}

/** To one instance, which is new. Each event's data is its number, and when that was sent is known here. */
async function subscribed(port: number, key: string, count: number, events: number): Promise<WorkDone> {
  const sentAt = new Float64Array(events);
  const latenciesMs = new Float64Array(count * events);
  let arrived = 0;
  const { promise: all, resolve: onAll } = Promise.withResolvers<void>();
  const sockets = await Promise.all(
    Array.from({ length: count }, async () => {
      const socket = await socketTo(port);
      const { promise: open, resolve: onOpen } = Promise.withResolvers<void>();
      let rest = '';
      socket.on('data', (chunk: Buffer) => {
        onOpen();
        const now = performance.now();
        const lines = (rest + chunk.toString('latin1')).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) {
          const [, at] = /^data: .*"data":(\d+),/.exec(line) ?? [];
          if (at === undefined) continue;
          latenciesMs[arrived++] = now - (sentAt[Number(at)] as number);
          if (arrived === latenciesMs.length) onAll();
        }
      });
      socket.write(
        `GET /api/machines/tally/events?key=${key} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\naccept: text/event-stream\r\n\r\n`,
      );
      await open;
      return socket;
    }),
  );
  const sender = await socketTo(port);
  sender.resume();
  for (let at = 0; at < events; at++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    sentAt[at] = performance.now();
    sender.write(add(port, key, at));
  }
  await all;
  for (const socket of [...sockets, sender]) socket.destroy();
  return { checksum: arrived, latenciesMs };
}
