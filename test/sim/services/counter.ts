/**
 * A number in a store on the web, with a version, and clients that add to it. `GET` gives number and version; `PUT`
 * writes, if the version in `if-match` is still the number's, or without that header in any case. A store remembers
 * which `idempotency-key`s it has written, so that a write sent again counts once.
 */
import type { Env } from 'lockstep/env';

interface Counted {
  readonly value: number;
  readonly version: number;
}

export function counterStore(): (request: Request) => Promise<Response> {
  let counted: Counted = { value: 0, version: 0 };
  const written = new Set<string>();
  return async (request) => {
    if (request.method === 'GET') return Response.json(counted);
    const { value } = (await request.json()) as { readonly value: number };
    const id = request.headers.get('idempotency-key');
    if (id !== null && written.has(id)) return Response.json(counted);
    const expected = request.headers.get('if-match');
    if (expected !== null && Number(expected) !== counted.version) return Response.json(counted, { status: 412 });
    counted = { value, version: counted.version + 1 };
    if (id !== null) written.add(id);
    return Response.json(counted);
  };
}

/** Adds one, exactly once, whatever is lost on the way: reads, and writes only over what was read. */
export async function addOne(env: Env, url: string): Promise<void> {
  const id = env.newId();
  for (;;) {
    const { value, version } = await read(env, url);
    const headers = { 'if-match': String(version), 'idempotency-key': id };
    if ((await write(env, url, value + 1, headers)).ok) return;
  }
}

/** The planted bug: whoever read the same number is overwritten. */
export async function addOneCarelessly(env: Env, url: string): Promise<void> {
  const { value } = await read(env, url);
  await write(env, url, value + 1, { 'idempotency-key': env.newId() });
}

export async function read(env: Env, url: string): Promise<Counted> {
  const response = await untilAnswered(env, () => env.fetch(url));
  return (await response.json()) as Counted;
}

function write(env: Env, url: string, value: number, headers: Record<string, string>): Promise<Response> {
  const body = JSON.stringify({ value });
  return untilAnswered(env, () => env.fetch(url, { method: 'PUT', headers, body }));
}

async function untilAnswered(env: Env, ask: () => Promise<Response>): Promise<Response> {
  for (;;) {
    try {
      return await ask();
    } catch {
      await env.sleep('20ms');
    }
  }
}
