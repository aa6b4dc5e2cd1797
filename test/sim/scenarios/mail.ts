/** Two senders, one mailbox: once all faults have ended every letter comes to be there, once, in its sender's order. */
import type { Scenario } from '../scenario.ts';
import { mailbox, sender, senderWithoutRetry, type Letter } from '../services/mail.ts';

const letterCount = 12;
const lettersOf = (name: string): readonly Letter[] =>
  Array.from({ length: letterCount }, (_, index) => ({ id: `${name}/${index}`, text: `letter ${index} of ${name}` }));

export const mailScenario: Scenario = {
  name: 'mail',
  about: 'senders put letters into a mailbox: sent again under one id until answered, kept once',
  bugs: ['missing-retry'],
  async run(world, bug) {
    const send = bug === 'missing-retry' ? senderWithoutRetry : sender;
    const held: Letter[] = [];
    const senders = ['ann', 'bob'] as const;
    void world.run('mailbox', (env) => mailbox(env, 'mailbox:25', held), { steady: true });
    for (const name of senders) void world.run(name, (env) => send(env, 'mailbox:25', lettersOf(name)));
    const idsOf = (name: string) => held.map(({ id }) => id).filter((id) => id.startsWith(`${name}/`));
    world.always('no letter is kept twice, or before its forerunner', () =>
      senders.every((name) => bug !== null || idsOf(name).every((id, index) => id === `${name}/${index}`)),
    );
    await world.sleep('1s');
    world.heal();
    await world.until('every letter is in the mailbox', () => held.length === senders.length * letterCount);
  },
};
