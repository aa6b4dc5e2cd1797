/**
 * The commands of `lockstep`. So far they look into the files of logs and trees, judge histories, keep an app's contract,
 * verify what it has stored and forget subjects of personal data; more come with what they command. Exit codes: 0 done and nothing wrong, 1 an error, or damage, a
 * misfit or a difference was found, 2 a history is a violation, 4 it is not known whether.
 */
import { parseArgs } from 'node:util';
import { isLockstepError, LockstepError } from '../kernel/errors.ts';
import { checkFile, checkTransactionsFile, checkUsage } from './check.ts';
import { contractFile, contractUsage } from './contract.ts';
import { forgetSubject, forgetUsage } from './forget.ts';
import { inspectLogs, inspectTrees, inspectUsage } from './inspect.ts';
import { verifyApp, verifyUsage } from './verify.ts';

const usage = `${inspectUsage}\n\n${checkUsage}\n\n${contractUsage}\n\n${verifyUsage}\n\n${forgetUsage}`;

/** Runs one command, as in a shell: prints, and answers the exit code. */
export async function command(args: readonly string[]): Promise<number> {
  try {
    return await run(args);
  } catch (error) {
    const known = isLockstepError(error) || (error instanceof TypeError && 'code' in error);
    if (!known) throw error;
    console.error(isLockstepError(error) ? `${error.kind}: ${error.message}` : `misuse: ${error.message}\n\n${usage}`);
    return 1;
  }
}

async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
      model: { type: 'string' },
      keyed: { type: 'boolean', default: false },
      initial: { type: 'string' },
      budget: { type: 'string' },
      html: { type: 'string' },
      level: { type: 'string' },
      order: { type: 'string' },
      check: { type: 'boolean', default: false },
      replay: { type: 'boolean', default: false },
    },
  });
  const [noun, verb, subject, ...rest] = positionals;
  if (values.help || noun === undefined) {
    console.log(usage);
    return 0;
  }
  if (noun === 'forget' && verb !== undefined && subject !== undefined && rest.length === 1)
    return forgetSubject(verb, subject, String(rest[0]));
  if (subject !== undefined && rest.length === 0) {
    if (noun === 'log' && verb === 'inspect') return inspectLogs(subject, values.json);
    if (noun === 'storage' && verb === 'inspect') return inspectTrees(subject, values.json);
    if (noun === 'contract' && verb !== undefined) return contractFile(verb, subject, values.check);
    if (noun === 'verify' && verb !== undefined && values.replay) return verifyApp(verb, subject, values.json);
    if (noun === 'check' && verb === 'linearizable') {
      const { model, initial, budget, html, keyed, json } = values;
      return checkFile(subject, { model, initial, budget, html, keyed, json });
    }
    if (noun === 'check' && verb === 'transactions') {
      const { level, order, budget, html, json } = values;
      return checkTransactionsFile(subject, { level, order, budget, html, json });
    }
  }
  throw new LockstepError('misuse', 'there is no such command', {
    values: { command: positionals.join(' ') },
    advice: usage.split('\n'),
  });
}
