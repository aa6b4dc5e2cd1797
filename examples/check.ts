/**
 * A register whose reads come from a copy that is behind. A recorder writes down what three clients asked and were told;
 * the checker says that no register could have answered so, and shows the few operations that prove it.
 */
import {
  checkLinearizable,
  explainLinearizability,
  recorder,
  register,
  type RegisterCall,
  type Value,
} from 'lockstep/check';

const notes = recorder<RegisterCall, Value>();

let [newest, copy]: [Value, Value] = [null, null];
const write = (process: string, value: Value): Promise<Value> =>
  notes.run(process, { kind: 'write', value }, async () => {
    [copy, newest] = [newest, value]; // the copy is always one write behind
    return null;
  });
const read = (process: string, from: () => Value): Promise<Value> =>
  notes.run(process, { kind: 'read' }, async () => from());

await write('alice', 1);
await read('bob', () => newest);
await write('alice', 2);
await read('bob', () => newest);
await read('carol', () => copy);

const history = notes.history();
console.log(explainLinearizability(history, checkLinearizable(history, register())));
