/** All scenarios, for the tests, for `npm run sim` and for the benchmark. */
import type { Scenario } from './scenario.ts';
import { channelsScenario } from './scenarios/channels.ts';
import { checkpointsScenario } from './scenarios/checkpoints.ts';
import { claimsScenario } from './scenarios/claims.ts';
import { counterScenario } from './scenarios/counter.ts';
import { echoScenario } from './scenarios/echo.ts';
import { isolationScenario } from './scenarios/isolation.ts';
import { journalScenario } from './scenarios/journal.ts';
import { leaderScenario } from './scenarios/leader.ts';
import { leasesScenario } from './scenarios/leases.ts';
import { logScenario } from './scenarios/log.ts';
import { machineScenario } from './scenarios/machine.ts';
import { mailScenario } from './scenarios/mail.ts';
import { partitionScenario } from './scenarios/partition.ts';
import { shippingScenario } from './scenarios/shipping.ts';
import { storageScenario } from './scenarios/storage.ts';
import { walScenario } from './scenarios/wal.ts';

export const belowPartitions: readonly Scenario[] = [
  echoScenario,
  counterScenario,
  mailScenario,
  leaderScenario,
  journalScenario,
  shippingScenario,
  claimsScenario,
  walScenario,
  logScenario,
  storageScenario,
  isolationScenario,
];

export const ofPartitions: readonly Scenario[] = [partitionScenario, channelsScenario, checkpointsScenario];

export const onPartitions: readonly Scenario[] = [leasesScenario, machineScenario];

export const catalogue: readonly Scenario[] = [...belowPartitions, ...ofPartitions, ...onPartitions];
