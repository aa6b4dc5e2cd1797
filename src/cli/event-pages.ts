/** The events of a node that runs, a page after the other. */
import type { Remote } from '../client/remote.ts';
import type { Recorded } from '../machine/connection.ts';
import type { AnyMachine } from '../machine/definition.ts';
import type { EventPage } from '../server/event-page.ts';
import { nodePaths } from '../server/node-paths.ts';
import { paths } from '../server/wire.ts';

/** So many at once; who reads them takes the next ones. */
export const pageMax = 500;

interface Definitions {
  readonly parts: readonly { readonly kind: string; readonly name: string }[];
}

export async function machinesOf(remote: Remote): Promise<readonly string[]> {
  const { parts } = await remote.get<Definitions>(nodePaths.definitions);
  return parts.filter(({ kind }) => kind === 'machine').map(({ name }) => name);
}

/** Those that are there. */
export async function* allEventsOf(
  remote: Remote,
  machine: string,
  { key, after }: { readonly key: string | undefined; readonly after: string | undefined },
): AsyncGenerator<readonly Recorded<AnyMachine>[]> {
  const limit = String(pageMax);
  for (let from = after; ;) {
    const page = await remote.get<EventPage>(paths.events(machine, { key, after: from, limit }));
    if (page.events.length === 0) return;
    yield page.events;
    from = page.next;
  }
}
