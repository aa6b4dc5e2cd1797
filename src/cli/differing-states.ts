/**
 * Stored states that are not what this code makes of their events, though no source of their machine changed: `evolve` calls a
 * function that did. In development they are folded again.
 */
import { asError } from '../kernel/errors.ts';
import type { AnyMachine } from '../machine/definition.ts';
import type { LockstepNode } from '../node/node.ts';
import { counted } from './line.ts';

const compareMsMax = 10_000;

/**
 * Compares all states of these machines, and folds those of a machine again of which one differs. What it found, in words:
 * nothing where nothing differs, or `leaving` was aborted. It never rejects.
 */
export async function foldDiffering(
  node: LockstepNode,
  machines: readonly AnyMachine[],
  leaving: AbortSignal,
): Promise<readonly string[]> {
  const late = AbortSignal.timeout(compareMsMax);
  const signal = AbortSignal.any([leaving, late]);
  const found: string[] = [];
  try {
    for (const machine of machines) {
      const { differingCount } = await node.verifyReplay({ machines: [machine], signal });
      if (differingCount === 0) continue;
      const count = await node.foldAgain(machine);
      const differing = `${differingCount} of ${counted(count, 'state')} of ${machine.name}`;
      found.push(`${differing} differed: folded again (in production: raise codeVersion)`);
    }
  } catch (error) {
    if (leaving.aborted) return [];
    const why = late.aborted ? `within ${compareMsMax / 1_000} s` : `as this failed: ${asError(error).message}`;
    found.push(`not all states were compared with what their events make, ${why}; lockstep verify --replay does it`);
  }
  return found;
}
