/**
 * The contract of the fetch port, as far as it needs no server: what the standard says of calls that reach nobody.
 */
import { describe, expect } from 'vitest';
import { claimsIn, failureOf, type World } from './world.ts';

export function fetchContract(name: string, world: World): void {
  describe(`${name} keeps the contract of Fetch`, () => {
    const claim = claimsIn(world);

    claim('a call that reaches nobody rejects with a TypeError', async ({ fetch, network }) => {
      const listener = await network.listen(`${world.host}:0`, (stream) => stream.close());
      listener.close();
      expect(await failureOf(() => fetch(`http://${listener.address}/`))).toBeInstanceOf(TypeError);
    });

    claim('a URL that is none rejects with a TypeError', async ({ fetch }) => {
      expect(await failureOf(() => fetch('http://'))).toBeInstanceOf(TypeError);
    });

    claim('a call with an aborted signal rejects with its reason', async ({ fetch }) => {
      const reason = new Error('enough');
      const signal = AbortSignal.abort(reason);
      expect(await failureOf(() => fetch(`http://${world.host}:1/`, { signal }))).toBe(reason);
    });
  });
}
