/** An app of notes behind a real server on a real port, for tests of that: one node for a file, a server for each test. */
import { openInMemory } from 'lockstep/sim';
import { afterAll, afterEach, beforeAll } from 'vitest';
import { allow } from '../../src/machine/access.ts';
import { defineApp } from '../../src/machine/app.ts';
import { machine } from '../../src/machine/machine.ts';
import { unchecked } from '../../src/machine/schema.ts';
import type { LockstepNode } from '../../src/node/node.ts';
import { expose } from '../../src/server/api.ts';
import { serve, type HttpServer, type ServeOptions } from '../../src/server/node.ts';

export const note = machine({
  name: 'note',
  initial: () => ({ count: 0 }),
  commands: { Write: unchecked<string>() },
  events: { Written: unchecked<string>() },
  decide: { Write: (_state, text, { event }) => [event('Written', text)] },
  evolve: { Written: ({ count }) => ({ count: count + 1 }) },
});
export const api = expose([allow(note, { send: ['Write'], read: true })], async () => ({ actor: 'anybody' }));

/** At the top of a test file: opens the node before its tests, and closes what a test has served behind it. */
export class Notes {
  #node: LockstepNode | null = null;
  #server: HttpServer | null = null;

  constructor() {
    beforeAll(async () => {
      this.#node = await openInMemory(defineApp({ name: 'notes', parts: [note] }));
    });
    afterEach(async () => {
      await this.#server?.close();
      this.#server = null;
    });
    afterAll(() => this.#node?.close());
  }

  get node(): LockstepNode {
    if (this.#node === null) throw new Error('it is opened before the tests of its file');
    return this.#node;
  }

  async serve(options: ServeOptions = {}): Promise<HttpServer> {
    const mounts = { '/api': api.handler(this.node, { base: '/api' }) };
    this.#server = await serve(this.node, { port: 0, mounts, ...options });
    return this.#server;
  }
}

export const write = (url: string, key: string, text: string): Promise<Response> =>
  fetch(`${url}/api/machines/note/commands/Write?key=${key}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(text),
  });
