/** A rule that cannot fail is a defect: each is shown a small source that breaks it, and one beside it that does not. */
import { expect, test } from 'vitest';
import { rules } from './rules.ts';
import { findingsOf, parseSource, type Source } from './source.ts';
import { strangersIn } from './words.ts';

/** The rules that a set of files breaks, as `path:line rule`. */
function broken(files: Readonly<Record<string, string>>, only?: string): readonly string[] {
  const sources = new Map<string, Source>(Object.entries(files).map(([path, text]) => [path, parseSource(path, text)]));
  return findingsOf(rules, sources)
    .map(({ path, line, message }) => `${path}:${line} ${message.slice(0, message.indexOf(':'))}`)
    .filter((finding) => only === undefined || finding.endsWith(` ${only}`));
}

const inSrc = (text: string, path = 'src/env/x.ts'): Readonly<Record<string, string>> => ({ [path]: text });

test('direction: own room and earlier rows only, the real world from the root alone, Node in its rooms, no packages', () => {
  const of = (path: string, request: string) => broken({ [path]: `import '${request}';` }, 'direction');
  expect(of('src/kernel/x.ts', '../env/clock.ts')).toEqual(['src/kernel/x.ts:1 direction']);
  expect(of('src/sim/x.ts', '../os/clock.ts')).toHaveLength(1);
  expect(of('src/env/x.ts', '../index.ts')).toHaveLength(1);
  expect(of('src/sim/x.ts', '../env/index.ts')).toHaveLength(1);
  expect(of('src/env/x.ts', 'node:fs')).toHaveLength(1);
  expect(of('src/env/x.ts', 'cbor-x')).toHaveLength(1);
  expect(of('src/log/x.ts', 'pg')).toHaveLength(1);
  expect(of('src/log/postgres.ts', 'pg')).toEqual([]);
  expect(of('src/log/postgres/client.ts', 'pg')).toEqual([]);
  expect(of('src/env/x.ts', '../../tools/layers.ts')).toHaveLength(1);
  expect(of('src/cellar/x.ts', './y.ts')).toHaveLength(1);
  expect(broken({ 'src/kernel/x.ts': `const later = import('../env/clock.ts');` }, 'direction')).toHaveLength(1);
  expect(broken({ 'src/kernel/x.ts': `export type { Clock } from '../env/clock.ts';` }, 'direction')).toHaveLength(1);
  expect(of('src/env/x.ts', '../kernel/time.ts')).toEqual([]);
  expect(of('src/os/x.ts', 'node:fs')).toEqual([]);
  expect(of('src/os/x.ts', 'node:http')).toHaveLength(1);
  expect(broken({ 'src/os/x.ts': `import type { Server } from 'node:http';` }, 'direction')).toEqual([]);
  expect(of('src/index.ts', './os/env.ts')).toEqual([]);
  expect(of('src/env/x.test.ts', '../os/clock.ts')).toEqual([]);
});

test('cycle: a way from a file back to itself, types aside', () => {
  const loop = {
    'src/env/a.ts': `import './b.ts';`,
    'src/env/b.ts': `import './c.ts';`,
    'src/env/c.ts': `import './a.ts';`,
  };
  expect(broken(loop, 'cycle')).toEqual(['src/env/a.ts:1 cycle']);
  expect(broken({ ...loop, 'src/env/c.ts': `import type { A } from './a.ts';` }, 'cycle')).toEqual([]);
});

test('orphan: a file that only its test imports', () => {
  const alone = { 'src/env/a.ts': '', 'src/env/a.test.ts': `import './a.ts';` };
  expect(broken(alone, 'orphan')).toEqual(['src/env/a.ts:1 orphan']);
  expect(broken({ ...alone, 'src/env/index.ts': `export { a } from './a.ts';` }, 'orphan')).toEqual([]);
  const worker = { 'src/env/b.ts': `new URL('./a.ts', import.meta.url);`, 'src/env/index.ts': `import './b.ts';` };
  expect(broken({ ...alone, ...worker }, 'orphan')).toEqual([]);
});

test('index: at the top of an open room only', () => {
  expect(broken({ 'src/env/deep/index.ts': '' }, 'index')).toHaveLength(1);
  expect(broken({ 'src/kernel/index.ts': '' }, 'index')).toHaveLength(1);
  expect(broken({ 'src/env/index.ts': '' }, 'index')).toEqual([]);
});

test.each([
  'const t = Date.now();',
  'const t = new Date();',
  'const t = Date();',
  'const t = performance.now();',
  'setTimeout(f, 1);',
  'const later = globalThis.setTimeout;',
  'setImmediate(f);',
  'const r = Math.random();',
  'const id = crypto.randomUUID();',
  'const s = AbortSignal.any([]);',
  'const w = new WeakRef({});',
  'const n = new Intl.NumberFormat();',
  "const c = 'a'.localeCompare('b');",
  'const h = date.getHours();',
  "const b = Buffer.from('');",
  'const e = process.env;',
  'const c = structuredClone(x);',
  'const r = await fetch(url);',
  'const w = new Worker(url);',
  "console.log('');",
  'const o = { process };',
])('globals: %s', (text) => {
  expect(broken(inSrc(text), 'globals')).not.toEqual([]);
  expect(broken(inSrc(text, 'tools/x.ts'), 'globals')).toEqual([]);
});

test.each([
  'const t = new Date(0);',
  'const t = clock.performance;',
  'const f = (fetch: Fetch) => fetch(url);',
  'type F = typeof globalThis.fetch; interface P { process: string }',
  'const { crypto } = ports; crypto.fill();',
  'class Network { process = 1; m() { return this.process; } }',
  "// setTimeout and Math.random in a comment, 'Date.now()' in a string\nconst s = 'Date.now()';",
])('not globals: %s', (text) => {
  expect(broken(inSrc(text), 'globals')).toEqual([]);
});

test('globals: what a place is for is allowed there', () => {
  expect(broken(inSrc('const t = performance.now();', 'src/os/x.ts'), 'globals')).toEqual([]);
  expect(broken(inSrc('setImmediate(f);', 'src/sim/turn.ts'), 'globals')).toEqual([]);
  expect(broken(inSrc('setTimeout(f, 9);', 'src/env/x.test.ts'), 'globals')).toHaveLength(1);
  expect(broken(inSrc('setTimeout(f, 9);', 'src/env/x.int.test.ts'), 'globals')).toEqual([]);
});

test.each([
  'let count = 0;',
  'const cache = new Map<string, number>();',
  'const seen: string[] = [];',
  'const table = new Map([[1, 2]]); export function put() { table.set(1, 3); }',
  'const words = new Uint8Array(4); export const put = () => { words[0] = 1; };',
  'class A { static made = 0; }',
])('module-state: %s', (text) => {
  expect(broken(inSrc(text), 'module-state')).not.toEqual([]);
});

test.each([
  'const table = new Uint8Array(4); for (let at = 0; at < 4; at++) table[at] = at;',
  'const names = new Set(["a"]); export const has = (name: string) => names.has(name);',
  'class A { static readonly zero = 0; }',
  'function f() { let count = 0; const all = []; all.push(count++); }',
])('not module-state: %s', (text) => {
  expect(broken(inSrc(text), 'module-state')).toEqual([]);
});

test('file-length and function-length: 400 and 70 lines', () => {
  const lines = (count: number) => 'f();\n'.repeat(count);
  expect(broken(inSrc(lines(401)), 'file-length')).toHaveLength(1);
  expect(broken(inSrc(lines(400)), 'file-length')).toEqual([]);
  expect(broken(inSrc(`function f() {\n${lines(69)}}`), 'function-length')).toHaveLength(1);
  expect(broken(inSrc(`function f() {\n${lines(68)}}`), 'function-length')).toEqual([]);
  for (const group of ['describe', 'describe.skipIf(none)'])
    expect(broken(inSrc(`${group}('all', () => {\n${lines(90)}});`), 'function-length'), group).toEqual([]);
  expect(broken(inSrc(`test.skipIf(none)('all', () => {\n${lines(90)}});`), 'function-length')).toHaveLength(1);
});

test('opening: a comment before the first statement that is no import', () => {
  const long = 'f();\n'.repeat(30);
  expect(broken(inSrc(long), 'opening')).toHaveLength(1);
  expect(broken(inSrc(`${long}/** Too late. */\nf();`), 'opening')).toHaveLength(1);
  expect(broken(inSrc(`import './a.ts';\n/** What it is. */\n${long}`), 'opening')).toEqual([]);
  expect(broken(inSrc('f();\n'), 'opening')).toEqual([]);
});

test('file-name: a subject, in kebab-case', () => {
  for (const path of ['src/env/utils.ts', 'src/helpers/x.ts', 'src/env/types.ts', 'src/env/boundedQueue.ts']) {
    expect(broken({ [path]: '' }, 'file-name'), path).toHaveLength(1);
  }
  expect(broken({ 'src/env/bounded-queue.int.test.ts': '' }, 'file-name')).toEqual([]);
});

test('words: what means unfinished or silenced', () => {
  const texts = [`// ${'TO'}${'DO'}: later`, `test.${'on'}${'ly'}('x', f);`, `// @ts-${'ig'}${'nore'}`];
  for (const text of [...texts, `// oxlint-${'dis'}${'able'}`, `debug${'ger'};`]) {
    expect(broken({ 'tools/x.ts': text }, 'words'), text).toHaveLength(1);
  }
  expect(broken({ 'tools/x.ts': '// as many as fit, to do with tests.onlySome' }, 'words')).toEqual([]);
});

test('exports: names only', () => {
  expect(broken(inSrc(`export * from './a.ts';`), 'exports')).toHaveLength(1);
  expect(broken(inSrc(`export default 1;`), 'exports')).toHaveLength(1);
  expect(broken(inSrc(`export { a } from './a.ts';`), 'exports')).toEqual([]);
});

test('an exception covers its line or the next, needs a reason, and is reported when it excuses nothing', () => {
  const excused = '// tidy: globals: the one place that needs it';
  expect(broken(inSrc(`const r = Math.random(); ${excused}`), 'globals')).toEqual([]);
  expect(broken(inSrc(`${excused}\nconst r = Math.random();`), 'globals')).toEqual([]);
  expect(broken(inSrc(`${excused}\n\nconst r = Math.random();`), 'globals')).toHaveLength(1);
  expect(broken(inSrc(`${excused}\nconst r = 1;`), 'tidy')).toHaveLength(1);
  expect(broken(inSrc(`const r = Math.random(); // tidy: globals: why`), 'tidy')).toHaveLength(1);
  expect(broken(inSrc(`// tidy: spelling: no such rule here`), 'tidy')).toHaveLength(1);
});

test('a path of one machine and the host of a registry are found in any text', () => {
  const texts = [
    `cd /${'wo'}${'rk'}/main`,
    `open("/${'ro'}${'ot'}/x")`,
    `https://registry.${'npm'}js.org/x`,
    `"res${'olved'}": "x"`,
  ];
  for (const text of texts) expect(strangersIn('x.md', text), text).toHaveLength(1);
  expect(strangersIn('x.md', 'see src/work/x, ./root/y and /usr/bin/chromium')).toEqual([]);
});
