/** `lockstep export`: the events of a node that runs, one a line, as CloudEvents or as the node tells them. */
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import type { Writable } from 'node:stream';
import { LockstepError } from '../kernel/errors.ts';
import { countText } from '../kernel/count-text.ts';
import { toCloudEvent } from '../machine/cloud-event.ts';
import type { Recorded } from '../machine/connection.ts';
import type { AnyMachine } from '../machine/definition.ts';
import { jsonOf } from '../server/wire.ts';
import { allEventsOf, machinesOf } from './event-pages.ts';
import { line, seconds } from './line.ts';
import { Progress } from './progress.ts';
import { remoteTo, type WhichNode } from './running-node.ts';

export interface ExportOptions extends WhichNode {
  readonly machine: string | undefined;
  readonly key: string | undefined;
  readonly after: string | undefined;
  readonly cloudevents: boolean;
  readonly values: boolean;
  readonly source: string | undefined;
  readonly out: string | undefined;
}

/** The exit code. */
export async function exportEvents(options: ExportOptions): Promise<number> {
  const { machine, key, after, out } = options;
  const remote = remoteTo(options);
  const machines = machine === undefined ? await machinesOf(remote) : [machine];
  const sink = out === undefined ? process.stdout : await newFile(out);
  const print = printer(options);
  const begun = performance.now();
  using progress = new Progress();
  let count = 0;
  for (const one of machines)
    for await (const events of allEventsOf(remote, one, { key, after })) {
      if (!sink.write(events.map((event) => `${print(event)}\n`).join(''))) await once(sink, 'drain');
      count += events.length;
      progress.tell(one, `${countText(count)} events`);
    }
  progress.end();
  if (out === undefined) return 0;
  sink.end();
  await once(sink, 'close');
  console.log(line('exported', out, `${countText(count)} events`, seconds(performance.now() - begun)));
  return 0;
}

/** @throws LockstepError `misuse` where there is one. */
async function newFile(path: string): Promise<Writable> {
  const file = createWriteStream(path, { flags: 'wx' });
  try {
    await once(file, 'open');
    return file;
  } catch (cause) {
    throw new LockstepError('misuse', 'the file cannot be made; nothing was written', { values: { path }, cause });
  }
}

function printer({ cloudevents, values, source = 'lockstep' }: ExportOptions): (event: Recorded<AnyMachine>) => string {
  if (!cloudevents) return jsonOf;
  const data = values ? 'value' : 'json';
  return (event) => JSON.stringify(toCloudEvent(event, { source, data }));
}
