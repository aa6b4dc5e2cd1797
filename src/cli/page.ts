/** The page that a node shows at `/`: one file, built beside this package's code (`tools/dashboard.ts`). */
import { readFile } from 'node:fs/promises';
import { codeOf } from '../os/system-code.ts';

/** Beside what is built, and beside the sources. */
const places = ['../dashboard/index.html', '../../dist/dashboard/index.html'];

/** Undefined where it was not built: then nothing is at `/`. */
export async function pageText(): Promise<string | undefined> {
  for (const place of places) {
    try {
      return await readFile(new URL(place, import.meta.url), 'utf8');
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error;
    }
  }
  return undefined;
}
