/**
 * `lockstep/log/contract`: what every engine of a log must do, as named cases, for authors of engines. Independent of
 * any test runner: a case is a name and an async function that throws. Give each a world of its own:
 *
 *     for (const { name, needs, run } of logContract)
 *       test.skipIf(needs !== null && needs in harness.reasons)(name, () => harness.run(run));
 *
 * The engine should be set to lead soon (a silence of at most 100 ms) and, if it trims in pieces, to pieces so small
 * that 64 records of 1 KiB make several. Cases wait for what must come; the runner's time limit ends those that hang.
 */
import { claimCases } from './contract-claims.ts';
import { doubtCases } from './contract-doubts.ts';
import { readCases } from './contract-reads.ts';
import type { LogCase } from './contract-world.ts';
import { writeCases } from './contract-writes.ts';

export type { LogCase, LogCaseWorld, LogFaultName, LogFaults, LogHarness, StopStep } from './contract-world.ts';

export const logContract: readonly LogCase[] = [...writeCases, ...claimCases, ...readCases, ...doubtCases];
