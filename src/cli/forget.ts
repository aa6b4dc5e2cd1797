/** `lockstep forget`: a subject's personal data reads as null from then on, in a directory that no process has. */
import { inspect } from 'node:util';
import { subjects } from '../machine/subjects.ts';
import { open } from '../os/open.ts';
import { appIn } from './app-module.ts';
import { checkNode } from './node-directory.ts';

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
