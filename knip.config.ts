/** Dead files, exports and dependencies: what nothing reaches from the entries below has to go. */
import type { KnipConfig } from 'knip';

const config: KnipConfig = {
  entry: [
    'src/*/index.ts',
    'src/cli/main.ts',
    'src/*/*-worker.ts', // loaded as a thread, by its address
    'tools/*.ts',
    'dashboard/main.tsx',
    'bench/*.bench.ts',
    'bench/server/process.ts', // run as a process, by its path
    'bench/server/start-app/*.ts', // copied into a project
    'examples/**/*.ts',
    'test/**/*.test.ts',
    'test/chaos/*-soak.ts', // run by hand, for hours
    'src/**/*.test.ts',
    'tools/**/*.test.ts',
  ],
  project: ['{src,tools,test,bench,examples,dashboard}/**/*.{ts,tsx}'],
  ignoreExportsUsedInFile: true,
  // Run by the path of their program, so that they run on this Node.
  ignoreDependencies: ['rocksdb-native', '@arethetypeswrong/cli', 'oxfmt', 'oxlint', 'oxlint-tsgolint', 'publint'],
  ignoreBinaries: ['apt-get'], // Debian's, where it is
};

export default config;
