/** A few seconds of what `npm run chaos` does for as long as it is told, on both engines. */
import { expect, test } from 'vitest';
import { programOf } from '../../servers/needs.ts';
import { conclusionOf, printResult } from './report.ts';
import { runChaos } from './run.ts';
import { engineNames, programNames, startServers } from './servers.ts';

const faultsMs = 4_000;

for (const engine of engineNames) {
  test.skipIf(programOf(programNames[engine]) === null)(
    `${engine}: writers that duel under faults lose nothing, and readers see one log`,
    { timeout: 120_000 },
    async () => {
      const result = await runChaos(() => startServers(engine), { seed: 'test 1', faultsMs, onLine: () => {} });
      expect(conclusionOf(result), printResult(result)).toMatchObject({ passed: true });
      expect(result.faults.length).toBeGreaterThan(2);
      expect(result.log.length).toBeGreaterThan(2);
      expect(result.control.acknowledged).toBeGreaterThan(0);
    },
  );
}
