/**
 * Subjects of personal data as a machine, so that forgetting one is a command like any other: recorded with who and when,
 * sent by whoever may, and followed by projections, which delete what they copied. Its key is destroyed with the event.
 */
import type { Machine } from './definition.ts';
import { machine } from './machine.ts';
import { nothing } from './schema.ts';

/**
 * An instance is a subject, its key what `subject` of a machine gives: by default the place. `Forget` destroys the subject's
 * key: all personal fields under it are null from then on.
 */
export const subjects: Machine<
  'lockstep-subjects',
  { readonly forgottenCount: number },
  { Forget: { in: void; out: void } },
  { Forgotten: void },
  { Forget: never }
> = machine({
  name: 'lockstep-subjects',
  initial: (): { readonly forgottenCount: number } => ({ forgottenCount: 0 }),
  commands: { Forget: nothing },
  events: { Forgotten: nothing },
  decide: { Forget: (_subject, _command, { event }) => [event('Forgotten')] },
  evolve: { Forgotten: ({ forgottenCount }) => ({ forgottenCount: forgottenCount + 1 }) },
});
