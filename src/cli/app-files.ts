/** The files that an app is made of, as they are imported: a change of one means that it is another app now. */
import { registerHooks } from 'node:module';
import { dirname, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/** This package; linked to a checkout, its path has no `node_modules`. */
const own = `${dirname(import.meta.dirname)}${sep}`;

/** From now on; installed packages and this one are not told. */
export function onAppFile(tell: (file: string) => void): void {
  registerHooks({
    load(url, context, nextLoad) {
      if (url.startsWith('file:')) {
        const file = fileURLToPath(url);
        if (!file.startsWith(own) && !file.includes(`${sep}node_modules${sep}`)) tell(file);
      }
      return nextLoad(url, context);
    },
  });
}
