/** `lockstep verify`: whether what an app has stored is what its code makes of its events. */
import { inspect } from 'node:util';
import { countText } from '../kernel/count-text.ts';
import { LockstepError } from '../kernel/errors.ts';
import type { Replayed, ReplayDifference } from '../machine/replay.ts';
import { open } from '../os/open.ts';
import { appIn } from './app-module.ts';
import { checkNode } from './node-directory.ts';
import { jsonText } from './print-json.ts';

export interface VerifyOptions {
  readonly replay: boolean;
  readonly json: boolean;
}

/** Between two lines that tell how far it is. */
const progressEvents = 1_000_000;

/** The exit code. */
export async function verifyApp(modulePath: string, data: string, { replay, json }: VerifyOptions): Promise<number> {
  if (!replay)
    throw new LockstepError('misuse', 'say what to verify', { advice: ['lockstep verify APP DIR --replay'] });
  const app = await appIn(modulePath);
  await checkNode(data);
  await using node = await open(app, { data });
  let told = 0;
  const replayed = await node.verifyReplay({
    onProgress: ({ streams, events }) => {
      if (events - told < progressEvents) return;
      told = events;
      console.error(`${countText(streams)} streams, ${countText(events)} events`);
    },
  });
  console.log(json ? jsonText(replayed) : replayedText(replayed));
  return replayed.differingCount > 0 ? 1 : 0;
}

function replayedText({ streams, events, compared, skipped, differingCount, differing }: Replayed): string {
  const hidden = differingCount - differing.length;
  return [
    ...differing.map(differenceText),
    ...(hidden > 0 ? [`and ${countText(hidden)} more`] : []),
    `${countText(streams)} streams of ${countText(events)} events: ${countText(compared)} states compared, ` +
      `${countText(differingCount)} differ; ${countText(skipped)} of an older codeVersion, folded and not compared`,
  ].join('\n');
}

/** Keys are the users' and may hold anything: `inspect` makes them safe to print. */
const differenceText = ({ machine, key, version, problem, stored, folded }: ReplayDifference): string =>
  [
    `${machine} ${inspect(key)} at version ${version}: ${problem}`,
    `  stored  ${shown(stored)}`,
    `  folded  ${shown(folded)}`,
  ].join('\n');

const shown = (state: unknown): string =>
  inspect(state, { depth: 6, breakLength: Infinity, maxArrayLength: 20, maxStringLength: 500 });
