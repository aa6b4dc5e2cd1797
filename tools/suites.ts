/**
 * The suites of `npm test`, in the order in which they run, each with the files that belong to it and a budget. A
 * suite that takes longer than its budget has failed: slow tests are a defect like any other. vitest.config.ts makes a
 * project of each, tools/test.ts runs them, and a house rule holds that every test file belongs to exactly one.
 */
export interface Suite {
  readonly name: string;
  readonly holds: string;
  /** Globs from the top of the repository; null for the one suite that is the compiler. */
  readonly include: readonly string[] | null;
  readonly exclude: readonly string[];
  /** On 2 cores, in seconds; all of them together stay under ten minutes. */
  readonly budgetSeconds: number;
  /** The longest that one test may take, in milliseconds. */
  readonly testMsMax: number;
}

const integration = '**/*.int.test.ts';

/** Real servers that the tests start: the engines of logs, and buckets. */
const engines = [
  'src/log/{postgres,nats}*.int.test.ts',
  'src/log/{postgres,nats}/**/*.int.test.ts',
  'src/checkpoint/s3.int.test.ts',
  'test/chaos/engines/**/*.int.test.ts',
];

const suite = (name: string, holds: string, include: string, budgetSeconds: number, testMsMax: number): Suite => ({
  name,
  holds,
  include: [include],
  exclude: [integration],
  budgetSeconds,
  testMsMax,
});

export const suites: readonly Suite[] = [
  suite('unit', 'beside the code: milliseconds each, no disk, no socket', 'src/**/*.test.ts', 96, 10_000),
  suite('house', 'the rules of the house, and the tools themselves', 'tools/**/*.test.ts', 50, 20_000),
  {
    name: 'integration',
    holds: 'real disks, sockets, threads, processes',
    include: [integration],
    exclude: engines,
    budgetSeconds: 110,
    testMsMax: 30_000,
  },
  {
    name: 'engines',
    holds: 'real servers: PostgreSQL, NATS JetStream, a bucket',
    include: engines,
    exclude: [],
    budgetSeconds: 85,
    testMsMax: 30_000,
  },
  suite('sim', 'whole systems under faults, in simulated time', 'test/sim/**/*.test.ts', 114, 90_000),
  suite('docs', 'every block of code on every page, and every example', 'test/docs/**/*.test.ts', 84, 40_000),
  suite('browser', 'the core and the page in Chromium', 'test/browser/**/*.test.ts', 40, 36_000),
  {
    name: 'types',
    holds: 'the compiler over everything, over the core without Node, and over the page',
    include: null,
    exclude: [],
    budgetSeconds: 20,
    testMsMax: 30_000,
  },
];
