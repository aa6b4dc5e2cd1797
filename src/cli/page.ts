/**
 * The page that a node shows at `/`: one file, built beside this package's code (`tools/dashboard.ts`). The package has it; a
 * checkout may lack it, and says so.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { codeOf } from '../os/system-code.ts';

/** As far from what is built as from the sources. */
const place = new URL('../../dist/dashboard/index.html', import.meta.url);
const notBuilt = 'the page is not built in this checkout: node tools/dashboard.ts';

export async function pageText(): Promise<string> {
  try {
    return await readFile(place, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return `<!doctype html><title>lockstep</title><p>${notBuilt}</p>\n`;
    throw error;
  }
}

/** What a terminal is to say about it. */
export const pageNotes = (): readonly string[] => (existsSync(place) ? [] : [notBuilt]);
