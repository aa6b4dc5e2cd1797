/**
 * The web's `fetch` as Node has it. Looked up at each call, so that whoever replaces the global one (to trace it, to
 * go through a proxy) is heard. It has no deadline of its own: give it a signal.
 */
import type { Fetch } from '../env/fetch.ts';

export const hostFetch: Fetch = (input, init) => globalThis.fetch(input, init);
