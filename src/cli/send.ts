/** `lockstep send`: a command to the node that runs here, or elsewhere; its outcome is the exit code. */
import { LockstepError } from '../kernel/errors.ts';
import type { CommandOutcome } from '../machine/router.ts';
import type { CommandId } from '../partition/command-id.ts';
import { jsonOf } from '../server/wire.ts';
import { line } from './line.ts';
import { namedText, parsedJson } from './plain-data.ts';
import { remoteTo, type WhichNode } from './running-node.ts';

export interface SendArguments {
  readonly machine: string;
  readonly key: string;
  readonly command: string;
  readonly text: string | undefined;
}

export interface SendOptions extends WhichNode {
  readonly json: boolean;
  readonly 'expected-version': string | undefined;
  readonly 'command-id': string | undefined;
}

/** Who asks, as events say. */
const actor = 'lockstep send';

/** The exit code: 0 committed, 2 rejected, 3 another version, 4 nobody knows (as an error), 1 anything else. */
export async function send({ machine, key, command, text }: SendArguments, options: SendOptions): Promise<number> {
  const data = text === undefined ? undefined : parsedJson(text);
  const expectedVersion = versionIn(options['expected-version']);
  const commandId = options['command-id'] as CommandId | undefined; // who serves checks it
  const remote = remoteTo(options);
  const begun = performance.now();
  const outcome = await remote.send(machine, key, command, data, { actor, expectedVersion, commandId });
  const tookMs = performance.now() - begun;
  console.log(options.json ? jsonOf(outcome) : outcomeLine(outcome, tookMs));
  return exitCodeOf(outcome);
}

function versionIn(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new LockstepError('misuse', '--expected-version is a whole number; 0: it was never written', {
    values: { given: text },
  });
}

function exitCodeOf({ kind }: CommandOutcome): number {
  switch (kind) {
    case 'committed':
      return 0;
    case 'rejected':
      return 2;
    case 'conflict':
      return 3;
    default:
      return 1;
  }
}

function outcomeLine(outcome: CommandOutcome, tookMs: number): string {
  switch (outcome.kind) {
    case 'committed': {
      const happened = outcome.events.map(({ type, data }) => namedText(type, data));
      const took = outcome.repeated ? 'it was committed before' : `${tookMs.toFixed(1)} ms`;
      return line('committed', `version ${outcome.version}`, ...happened, took);
    }
    case 'rejected':
      return line('rejected', namedText(outcome.code, outcome.details));
    case 'conflict':
      return line('conflict', `it has version ${outcome.actual}, not ${outcome.expected}`);
    default:
      return line(outcome.kind, jsonOf(outcome));
  }
}
