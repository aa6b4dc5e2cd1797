/**
 * One vitest project a suite (tools/suites.ts). `vitest run src/kernel` runs what lies there; `npm test` runs all with
 * budgets and what they need. `lockstep` and `lockstep/ROOM` mean the sources here, by the condition that
 * package.json's exports offer for this.
 */
import { defineConfig } from 'vitest/config';
import { sourceCondition } from './tools/exports.ts';
import { suites } from './tools/suites.ts';

const conditions = [sourceCondition];

export default defineConfig({
  test: {
    projects: suites.flatMap(({ name, include, exclude, testMsMax }) =>
      include === null
        ? []
        : [
            {
              resolve: { conditions },
              ssr: { resolve: { conditions } },
              test: {
                name,
                include: [...include],
                exclude: ['**/node_modules/**', 'dist/**', '.cache/**', ...exclude],
                testTimeout: testMsMax,
                hookTimeout: testMsMax,
                execArgv: [`--conditions=${sourceCondition}`], // for what tests start: threads, programs
              },
            },
          ],
    ),
  },
});
