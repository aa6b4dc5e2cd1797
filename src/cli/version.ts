/** `lockstep --version`. */
import { readFile } from 'node:fs/promises';

export async function versionText(): Promise<string> {
  const manifest = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8')) as {
    readonly version: string; // our own file
  };
  return `lockstep ${manifest.version}, Node ${process.version}`;
}
