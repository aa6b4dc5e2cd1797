/** Removes the folder of a server that has been killed. */
import { rmSync } from 'node:fs';

/** What a killed server had started may make a file more while the folder is emptied: then it is emptied again. */
export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
}
