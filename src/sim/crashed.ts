/**
 * What a call on a handle of a crashed process throws. Nothing should catch it to act on it: after a real crash no
 * code runs. Whatever does run before the world moves on can reach nothing, and its asynchronous calls never settle.
 */
export class Crashed extends Error {
  override readonly name = 'Crashed';

  constructor(node: string) {
    super(`this process of ${node} has crashed: nothing it does has an effect any more`);
  }
}
