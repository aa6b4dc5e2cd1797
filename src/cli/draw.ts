/** `lockstep draw`: the tables of transitions of an app, as text for Mermaid or as a picture. */
import { LockstepError } from '../kernel/errors.ts';
import type { AnyMachine } from '../machine/definition.ts';
import { drawMermaid } from '../machine/diagram-mermaid.ts';
import { drawMachineSvg } from '../machine/diagram-svg.ts';
import { appIn } from './app-module.ts';

export async function drawMachine(modulePath: string, name: string | undefined, isSvg: boolean): Promise<number> {
  const { parts } = await appIn(modulePath);
  const tables = parts.filter((part): part is AnyMachine => part.kind === 'machine' && part['~machine'].table !== null);
  const [only] = tables;
  const machine = name === undefined && tables.length === 1 ? only : tables.find((one) => one.name === name);
  if (machine === undefined)
    throw new LockstepError('misuse', name === undefined ? 'say which table' : 'the app has no such table', {
      values: name === undefined ? {} : { machine: name },
      advice: [
        tables.length === 0
          ? 'a machine with a diagram is made by fsm(…)'
          : `there are: ${tables.map((one) => one.name).join(', ')}`,
      ],
    });
  console.log(isSvg ? drawMachineSvg(machine) : drawMermaid(machine).trimEnd());
  return 0;
}
