/** The page that a node shows at `/`: one file, built beside this package's code (`tools/dashboard.ts`). */
import { readFile } from 'node:fs/promises';
import { codeOf } from '../os/system-code.ts';

/** As far from what is built as from the sources. */
const place = new URL('../../dist/dashboard/index.html', import.meta.url);

/** Undefined where it was not built: then nothing is at `/`. */
export async function pageText(): Promise<string | undefined> {
  try {
    return await readFile(place, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
