/** `node tools/map.ts` prints the map of the house; with `--write` it renews all printed parts of the pages. */
import { printed, writePrinted } from './markers.ts';

if (process.argv.includes('--write')) writePrinted();
else console.log(printed.find(({ name }) => name === 'map')?.print());
