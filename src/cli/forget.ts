/** `lockstep forget`: a subject's personal data reads as null from then on, in a directory that no process has. */
import { inspect } from 'node:util';
import { subjects } from '../machine/subjects.ts';
import { open } from '../os/open.ts';
import { appIn } from './app-module.ts';
import { checkNode } from './verify.ts';

export const forgetUsage: string = `lockstep forget APP DIR SUBJECT

  Destroys the key of a subject: all personal fields under it read as null from then on, and projections delete what they
  copied. SUBJECT is what \`subject\` of a machine gives, by default the place. APP and DIR are as for verify. Beside a
  process that has DIR this is refused: there, node.send(subjects, SUBJECT, 'Forget') does the same.

for example
  lockstep forget app.ts ./data ann`;

/** Who asked, as the event says. */
const actor = 'lockstep forget';

/** The exit code. */
export async function forgetSubject(modulePath: string, data: string, subject: string): Promise<number> {
  const app = await appIn(modulePath);
  await checkNode(data);
  await using node = await open(app, { data });
  const { version } = await node.send(subjects, subject, 'Forget', undefined, { actor });
  console.log(`${inspect(subject)} is forgotten; asked ${version === 1 ? 'once' : `${version} times`} so far`);
  return 0;
}
