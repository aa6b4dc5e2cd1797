/**
 * The claim protocol of the file engine as a small model, explored completely: a leader that appends, acquirers that
 * claim from it and from each other, a reader in another process and a trimmer of claims, in every interleaving of
 * their atomic steps, with any sync failing and the power going at any point with every subset of what was not synced.
 * A process that is killed or stopped is one that takes no further step, so crashes and pauses of one process are among
 * the interleavings. Then the same with one rule left out at a time: each is found to be needed.
 */
import { expect, test } from 'vitest';
import { explore } from '../models/claim-exploration.ts';
import { begin, broken, protocol, stepOf, trim, type Rules, type Sizes } from '../models/claim-protocol.ts';

/** Two acquirers against one writer, each time with another part of the world. */
const alone: Sizes = { appends: [2, 1, 1], powerLosses: 0, syncFailures: 0, trims: 0, reader: false };
const withPower: Sizes = { appends: [1, 0, 0], powerLosses: 1, syncFailures: 1, trims: 0, reader: false };
const withTrims: Sizes = { appends: [1, 0, 0], powerLosses: 0, syncFailures: 0, trims: 2, reader: false };
const withReader: Sizes = { appends: [1, 0, 0], powerLosses: 0, syncFailures: 0, trims: 0, reader: true };
const withAll: Sizes = { appends: [2, 1], powerLosses: 1, syncFailures: 1, trims: 1, reader: true };
const worlds: readonly (readonly [string, Sizes])[] = [
  ['three appends of two acquirers', alone],
  ['a loss of power and a failed sync', withPower],
  ['claims that are trimmed', withTrims],
  ['a reader in another process', withReader],
  ['one acquirer, and everything at once', withAll],
];

for (const [world, sizes] of worlds) {
  test(`the protocol holds in every interleaving: ${world}`, () => {
    const { states, broken: found } = explore(protocol, sizes);
    console.log(`${world}: ${states} states`);
    expect(found).toBeNull();
    expect(states).toBeGreaterThan(5_000);
  });
}

const variants: readonly (readonly [string, Partial<Rules>, Sizes])[] = [
  ['checks before the write', { check: 'before the write' }, alone],
  ['never looks for its own claim', { own: 'not checked' }, withTrims],
  ['looks for its own claim first', { own: 'checked first' }, withTrims],
  ['trims the newest claims first', { claims: 'trimmed newest first' }, withTrims],
  ['does not sync what it acknowledges', { appends: 'not synced' }, withPower],
  ['does not sync the directory', { directory: 'not synced' }, withPower],
  ['takes what it claims from as durable', { tail: 'trusted' }, { ...withPower, appends: [1, 1] }],
  ['syncs what it claims from without writing it again', { tail: 'synced' }, { ...withPower, appends: [1, 1] }],
  ['denies what a claim overtook', { denial: 'at once' }, alone],
  ['denies by a segment that may vanish', { denial: 'by a segment seen' }, withPower],
];
for (const [variant, rules, sizes] of variants) {
  test(`who ${variant} breaks a promise`, () => {
    const { broken: found } = explore({ ...protocol, ...rules }, sizes);
    console.log(`${variant}: ${found}`);
    expect(found).not.toBeNull();
  });
}

/** Five processes are too many to explore: one way through, in which four claims pass between a look and the claim for it. */
function claimLate(rules: Rules): string | null {
  const sizes: Sizes = { appends: [0, 1, 0, 0, 1], powerLosses: 0, syncFailures: 0, trims: 3, reader: false };
  const state = begin(sizes);
  let found: string | null = null;
  const run = (index: number, until: string): void => {
    for (let steps = 0; steps < 100 && found === null && state.processes[index]?.step !== until; steps++)
      found = stepOf(state, index, rules, sizes) ?? broken(state);
  };
  run(1, 'create claim'); // it has looked, and is stopped
  for (const other of [2, 3]) run(other, 'ended');
  run(4, 'append');
  for (let trims = 0; trims < 4; trims++) trim(state, rules);
  run(1, 'ended');
  run(4, 'ended');
  return found;
}

test('a claim that is made long after the look for it fences nobody and leads nothing', () => {
  expect(claimLate(protocol)).toBeNull();
  expect(claimLate({ ...protocol, claiming: 'by its number alone' })).toMatch(/two records at position|not in the log/);
});
