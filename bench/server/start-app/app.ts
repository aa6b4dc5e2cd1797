/** An app as a user's project has it: copied into one, beside the built package. */
import { defineApp, machine, unchecked } from 'lockstep';

export const tally = machine({
  name: 'tally',
  initial: () => ({ count: 0 }),
  commands: { Count: unchecked<{ times: number }>() },
  events: { Counted: unchecked<number>() },
  decide: {
    Count: ({ count }, { times }, { event }) => Array.from({ length: times }, (_, at) => event('Counted', count + at)),
  },
  evolve: { Counted: (_state, number) => ({ count: number + 1 }) },
});

export default defineApp({ name: 'bench', parts: [tally] });
