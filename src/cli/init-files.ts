/** The files that `lockstep init` makes, as texts. */

export const appText = (name: string): string => `import { defineApp, machine, reject, unchecked } from 'lockstep';

export const seat = machine({
  name: 'seat',
  initial: () => ({ takenBy: '' }),
  commands: { Take: unchecked<{ by: string }>() },
  events: { Taken: unchecked<{ by: string }>() },
  decide: {
    Take: ({ takenBy }, { by }, { event }) => (takenBy === '' ? [event('Taken', { by })] : reject('taken', { takenBy })),
  },
  evolve: { Taken: (_seat, { by }) => ({ takenBy: by }) },
});\n\nexport default defineApp({ name: '${name}', parts: [seat] });
`;

export const testText = `import assert from 'node:assert/strict';
import { test } from 'node:test';
import { given, simulate } from 'lockstep/sim';
import app, { seat } from './app.ts';

test('a seat that is taken is refused, and says by whom', () => {
  const outcome = given(seat, { type: 'Taken', data: { by: 'ann' } }).when('Take', { by: 'bob' });
  assert.deepEqual(outcome, { kind: 'rejected', code: 'taken', details: { takenBy: 'ann' } });
});

test('one of two has the seat in the end, though the node that leads is cut off', async () => {
  // Three nodes on simulated machines, disks and networks that fail; each seed is another history.
  await simulate({ app, nodes: 3, seeds: 10 }, async (world) => {
    const takes = ['ann', 'bob'].map((by) => world.run(by, () => world.connect().send(seat, 'A/1', 'Take', { by })));
    await world.sleep('100ms');
    world.isolate(await world.leaderOf(seat, 'A/1'));
    const outcomes = await Promise.all(takes);
    await world.settle();
    const { state, version } = await world.connect().read(seat, 'A/1');
    assert.equal(version, 1);
    for (const outcome of outcomes)
      if (outcome.kind === 'rejected') assert.equal(outcome.details.takenBy, state.takenBy);
  });
});
`;

export const readmeText = (name: string): string => `# ${name}

\`\`\`sh
npm run dev   # runs app.ts, again at every change; data lies in .lockstep/
npm test      # decisions alone, then the app on simulated nodes that fail
\`\`\`

In a second terminal:

\`\`\`sh
npx lockstep send seat A/1 Take '{"by":"ann"}'
npx lockstep state seat A/1
npx lockstep events seat --follow
\`\`\`

\`npx lockstep --help\` tells the rest.
`;

export const typesText: string = `${JSON.stringify(
  {
    compilerOptions: {
      target: 'es2024',
      module: 'nodenext',
      types: ['node'],
      noEmit: true,
      strict: true,
      noUncheckedIndexedAccess: true,
      exactOptionalPropertyTypes: true,
      allowImportingTsExtensions: true,
      erasableSyntaxOnly: true,
      verbatimModuleSyntax: true,
      skipLibCheck: true,
    },
  },
  null,
  2,
)}\n`;

export const ignoreText = 'node_modules/\n.lockstep/\n';
