/**
 * Words that mean unfinished or silenced, in TypeScript; and what ties a text file to one machine or one registry.
 * The words are put together from pieces here, so that this file does not hold them.
 */
import { globSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { Finding, Rule } from './source.ts';

const word = (...pieces: readonly string[]): string => pieces.join('');
const anyOf = (...words: readonly string[]): string => `(?:${words.join('|')})`;

const bans: readonly { readonly pattern: RegExp; readonly use: string }[] = [
  {
    pattern: new RegExp(`\\b${anyOf(word('FIX', 'ME'), word('TO', 'DO'), word('XX', 'X'), word('HA', 'CK'))}\\b`),
    use: 'do it, or write it into the issue',
  },
  {
    pattern: new RegExp(`\\b(?:it|test|describe|suite)\\.${anyOf('only', 'skip', 'to' + 'do')}\\b`),
    use: 'run all tests; what a machine lacks is skipIf',
  },
  { pattern: new RegExp(`@ts-${anyOf('ig' + 'nore', 'no' + 'check')}`), use: 'the right type' },
  {
    pattern: new RegExp(`${anyOf('es', 'ox')}lint-${word('dis', 'able')}`),
    use: 'code that passes, or change .oxlintrc.json for all',
  },
  { pattern: /\bdebugger;/, use: 'a test' },
];

export const wordsRule: Rule = {
  name: 'words',
  check({ path, lines }) {
    return lines.flatMap((line, index) =>
      bans.flatMap(({ pattern, use }) => {
        const found = pattern.exec(line)?.[0];
        return found === undefined ? [] : [{ path, line: index + 1, message: `'${found.trim()}': ${use}` }];
      }),
    );
  },
};

/** `export *` hides what a reviewer should see; a default export has no name to find. */
export const exportsRule: Rule = {
  name: 'exports',
  check({ path, lines, isTest }) {
    if (!path.startsWith('src/') || isTest) return [];
    return lines.flatMap((line, index) =>
      /^export (?:\*|default\b)/.test(line) ? [{ path, line: index + 1, message: 'export names, each by name' }] : [],
    );
  },
};

const places = new RegExp(
  `(?:^|[^A-Za-z0-9_.])/${anyOf(word('wo', 'rk'), word('fa', 'rm'), word('ro', 'ot'), 'home/[a-z]', 'Users/[A-Za-z]')}/`,
);
const registries = new RegExp(
  anyOf(word('registry\\.', 'npm', 'js\\.org'), word('deb\\.', 'debian', '\\.org'), word('"res', 'olved":')),
);

/** Every text file of the repository, the lock file included. */
export function readTexts(): readonly { readonly path: string; readonly text: string }[] {
  const ignored = ['node_modules', 'dist', '.git', '.cache', '.lockstep'];
  const paths = globSync(['*', '.*', '{.ci,src,tools,test,bench,examples,dashboard,docs}/**/*'], {
    exclude: (entry) => ignored.includes(entry.name),
    withFileTypes: true,
  }).filter((entry) => entry.isFile() && !/\.(?:png|jpg|gif|ico|woff2|wasm|tgz)$/.test(entry.name));
  return paths.map((entry) => {
    const path = relative('.', join(entry.parentPath, entry.name));
    return { path, text: readFileSync(path, 'utf8') };
  });
}

export function strangersIn(path: string, text: string): readonly Finding[] {
  return text.split('\n').flatMap((line, index) => {
    const at = { path, line: index + 1 };
    const place = places.test(line) ? [{ ...at, message: 'a path of one machine' }] : [];
    return registries.test(line) ? [...place, { ...at, message: 'the host of a registry' }] : place;
  });
}
