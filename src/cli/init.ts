/** `lockstep init`: an app of ten lines, a test of it in the simulator, and what else a project needs. Overwrites nothing. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join, relative, resolve } from 'node:path';
import { codeOf } from '../os/system-code.ts';
import { line } from './line.ts';
import { appText, ignoreText, readmeText, testText, typesText } from './init-files.ts';

/** The exit code. */
export async function init(directory: string): Promise<number> {
  const name = nameOf(resolve(directory));
  const { version } = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8')) as {
    readonly version: string; // our own file
  };
  const files: Readonly<Record<string, string>> = {
    'app.ts': appText(name),
    'app.test.ts': testText,
    'README.md': readmeText(name),
    'package.json': manifestText(name, version),
    'tsconfig.json': typesText,
    '.gitignore': ignoreText,
  };
  await mkdir(directory, { recursive: true });
  const [made, kept]: [string[], string[]] = [[], []];
  for (const [file, text] of Object.entries(files))
    ((await isMade(join(directory, file), text)) ? made : kept).push(file);
  if (made.length > 0) console.log(line('made', ...made));
  if (kept.length > 0) console.log(line('kept as is', ...kept));
  const go = relative('', resolve(directory));
  console.log(line('now', `${go === '' ? '' : `cd ${go} && `}npm install && npm run dev`));
  return 0;
}

/** False: there is one already. */
async function isMade(path: string, text: string): Promise<boolean> {
  try {
    await writeFile(path, text, { flag: 'wx' });
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/** Of the directory, as the name of an app and of a package may be. */
function nameOf(directory: string): string {
  const name = basename(directory)
    .toLowerCase()
    .replaceAll(/[^a-z0-9_-]+/g, '-')
    .replace(/^[^a-z]+/, '');
  return name === '' ? 'theatre' : name;
}

const manifestText = (name: string, version: string): string =>
  `${JSON.stringify(
    {
      name,
      private: true,
      type: 'module',
      scripts: { dev: 'lockstep dev app.ts', start: 'lockstep serve app.ts', test: 'node --test', types: 'tsc' },
      dependencies: { lockstep: `^${version}` },
      devDependencies: { '@types/node': '^24', typescript: '^7' },
      engines: { node: '>=22.18' },
    },
    null,
    2,
  )}\n`;
