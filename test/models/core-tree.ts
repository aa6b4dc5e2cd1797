/** A tree without a log, in a simulated world: commits are applied at the next revision, and a map is kept beside. */
import { simulate } from '../../src/sim/simulate.ts';
import { treeOptions, type TreeOptions } from '../../src/storage/options.ts';
import { openTreeCore, type Tree } from '../../src/storage/tree.ts';
import { applyBatch, WriteBatch } from '../../src/storage/write-batch.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder();
export const encoded = (text: string): Uint8Array => encoder.encode(text);
export const decoded = (bytes: Uint8Array | undefined): string | undefined => bytes && decoder.decode(bytes);

/** Few, so that they meet. */
export const keyNames: readonly string[] = [
  '',
  'a',
  'a/1',
  'a/2',
  'ab',
  'b',
  'b/',
  'b/1',
  'b/11',
  'c',
  'd',
  'long-key-of-it',
];

export interface CoreTree {
  readonly core: Tree;
  /** After the newest commit. */
  readonly state: ReadonlyMap<string, string>;
  /** Gives the revision. */
  commit(write: (batch: WriteBatch) => unknown): number;
  /** Makes all durable, seals and lets the background flush it. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

const small: Partial<TreeOptions> = { memtableBytes: 64 * 1024, blockBytes: 512, cacheBytes: 65_536 };

export async function treeInWorld(
  body: (open: (options?: Partial<TreeOptions>) => Promise<CoreTree>) => Promise<void>,
): Promise<void> {
  await simulate({ seeds: 1, weather: 'calm', twice: false }, (world) =>
    world.run('node', async (env) => {
      let count = 0;
      await body(async (options = {}) => {
        const directory = `tree-${count++}`;
        const setup = {
          ports: env,
          directory,
          options: treeOptions({ ...small, ...options }),
        };
        const core = await openTreeCore(setup, true);
        if (core === null) throw new Error('it is made');
        return coreTree(core);
      });
    }),
  );
}

function coreTree(core: Tree): CoreTree {
  const state = new Map<string, string>();
  return {
    core,
    state,
    commit: (write) => {
      const batch = new WriteBatch();
      write(batch);
      const revision = Math.max(0, core.revision) + 1;
      core.apply(revision, batch.view());
      applyTo(state, batch);
      return revision;
    },
    flush: async () => {
      core.setDurable(core.revision, core.revision);
      core.seal();
      await core.background.flushedUpTo(core.revision);
    },
    close: () => core.close(),
  };
}

function applyTo(state: Map<string, string>, batch: WriteBatch): void {
  const text = (bytes: Uint8Array, start = 0, end = bytes.length): string => decoder.decode(bytes.subarray(start, end));
  applyBatch(batch.view(), {
    put: (bytes, keyStart, keyEnd, start, end) =>
      void state.set(text(bytes, keyStart, keyEnd), text(bytes, start, end)),
    delete: (bytes, start, end) => void state.delete(text(bytes, start, end)),
    deleteRange: (start, end) => {
      for (const key of [...state.keys()]) if (key >= text(start) && key < text(end)) state.delete(key);
    },
  });
}
