/**
 * Three clients and one register. A recorder writes down what each asked and was told; a history is plain data, in the
 * order of what was seen.
 */
import { type Operation, recorder } from 'lockstep/check';

type Call = { readonly kind: 'read' } | { readonly kind: 'write'; readonly value: number };

const notes = recorder<Call, number | null>();

let stored = 0;
await notes.run('alice', { kind: 'write', value: 1 }, async () => {
  stored = 1;
  return null;
});
await notes.run('bob', { kind: 'read' }, async () => stored);

const told = ({ outcome }: Operation<Call, number | null>): string =>
  outcome.kind === 'ok' ? String(outcome.result) : outcome.kind;
for (const operation of notes.history()) console.log(operation.process, operation.call.kind, told(operation));
