/** Dead files, exports and dependencies: what nothing reaches from the entries below has to go. */
import type { KnipConfig } from 'knip';

const config: KnipConfig = {
  entry: [
    'src/index.ts',
    'src/*/index.ts',
    'tools/*.ts',
    'bench/*.bench.ts',
    'examples/**/*.ts',
    'test/**/*.test.ts',
    'src/**/*.test.ts',
    'tools/**/*.test.ts',
  ],
  project: ['{src,tools,test,bench,examples}/**/*.ts'],
  ignoreExportsUsedInFile: true,
  ignoreBinaries: ['apt-get'], // Debian's, where it is
};

export default config;
