/**
 * `lockstep/sim`: a whole cluster (machines, disks, network, clocks, chance) from one seed. Give `simulate` a scenario:
 * an async function of a `World` that runs services (async functions of an `Env`, unchanged from production), lets
 * faults happen, and says what must hold. Each seed chooses its own weather; a failing one is replayed by one command.
 * Start at `simulate` and `World`; the faults are listed in `Weather`. For tests of apps: `given`, `openInMemory`, and `simulate`
 * with an `app`, whose scenario gets an `AppWorld`.
 */
export { simulate } from './simulate.ts';
export type { SeedResult, SimulateOptions, SimulationReport } from './simulate.ts';
export type { DiskFaults, RunOptions, World } from './world.ts';
export { scenario } from './scenario.ts';
export type { Scenario, ScenarioOptions } from './scenario.ts';
export { SimulationFailure } from './failure.ts';
export type { Verdict } from './failure.ts';
export { calm, stormy } from './weather.ts';
export type { Range, Weather, WeatherChoice } from './weather.ts';
export type { CrashKind, PlannedStrike } from './machine.ts';
export { Crashed } from './crashed.ts';
export { htmlDiagram, svgDiagram, textDiagram } from './diagram.ts';
export type { DiagramOptions, TextDiagramOptions } from './diagram.ts';
export type { TraceEvent, TraceKind } from './trace.ts';
export type { FullAt } from './volume.ts';
export type { WebHandler } from './web.ts';
export type { AppOptions, AppWorld, NoApp, WorldOf } from './cluster/app-world.ts';
export { openInMemory, type InMemoryOptions } from './open-in-memory.ts';
export { given } from '../machine/given.ts';
export type { Decided, Given } from '../machine/given.ts';
export type { Env } from '../env/env.ts';
