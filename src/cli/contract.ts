/**
 * `lockstep contract`: what an app promises to what it has stored and to those who send to it, in a file for version
 * control; `--check` compares the two before a deploy does.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { LockstepError } from '../kernel/errors.ts';
import { contractOf, type Contract } from '../machine/contract.ts';
import { misfitLines, misfits } from '../machine/misfits.ts';
import { appIn } from './app-module.ts';

/** The exit code. Without `--check` what does not fit the file that was there is told, and the file is written. */
export async function contractFile(modulePath: string, path: string, isCheck: boolean): Promise<number> {
  const declared = contractOf(await appIn(modulePath));
  const printed = `${JSON.stringify(declared, null, 2)}\n`;
  const kept = await textAt(path);
  if (kept === null && isCheck) {
    const advice = ['write it first, without --check'];
    throw new LockstepError('invalid', 'there is no contract to check against', { values: { file: path }, advice });
  }
  const found = kept === null ? [] : misfits(contractIn(kept, path), declared);
  for (const line of found.flatMap(misfitLines)) console.log(line);
  if (!isCheck) {
    await writeFile(path, printed);
    return 0;
  }
  if (found.length > 0) return 1;
  // As values: a formatter may have laid the file out anew.
  const isCurrent = kept !== null && JSON.stringify(JSON.parse(kept)) === JSON.stringify(declared);
  console.log(isCurrent ? `${path} is up to date` : `${path} lacks what is new, all of which fits: write it again`);
  return isCurrent ? 0 : 1;
}

async function textAt(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return null;
    throw new LockstepError('invalid', 'the file cannot be read', { values: { file: path }, cause });
  }
}

function contractIn(text: string, path: string): Contract {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new LockstepError('invalid', 'the contract is not JSON', { values: { file: path }, cause });
  }
  const isContract = typeof value === 'object' && value !== null && 'app' in value && 'machines' in value;
  if (isContract) return value as Contract; // what is within is what this command wrote
  throw new LockstepError('invalid', 'the file is not a contract', { values: { file: path } });
}
