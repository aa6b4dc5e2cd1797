/** The files that an app is made of, as they are imported: a change of one means that it is another app now. */
import { registerHooks } from 'node:module';
import { dirname, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/** This package; linked to a checkout, its path has no `node_modules`. */
const own = `${dirname(import.meta.dirname)}${sep}`;

/** From now on, each as it is imported; installed packages and this one are not told. All so far is what it returns gives. */
export function onAppFile(tell: (file: string) => void): () => readonly string[] {
  const files = new Set<string>();
  registerHooks({
    load(url, context, nextLoad) {
      if (url.startsWith('file:')) {
        const file = fileURLToPath(url);
        if (!file.startsWith(own) && !file.includes(`${sep}node_modules${sep}`)) {
          files.add(file);
          tell(file);
        }
      }
      return nextLoad(url, context);
    },
  });
  return () => [...files];
}
