/** Every block of TypeScript on every page compiles in the strictest settings, runs, and prints what the page says. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { filesOf, outputDiffers, parsePage, readPages, type PageFile } from './pages.ts';
import { Workshop } from './workshop.ts';

const pages = readPages();
const files = pages.flatMap(filesOf);
const titled = (kinds: readonly PageFile['kind'][]) =>
  files
    .filter(({ kind }) => kinds.includes(kind))
    .map((file) => [`${file.page}:${file.pageLines[0]} ${file.name}`, file] as const);

describe.skipIf(files.length === 0)('the pages', () => {
  let workshop: Workshop;
  let compiled: ReadonlyMap<PageFile, readonly string[]>;
  let tested: Awaited<ReturnType<Workshop['runTests']>> = new Map();

  beforeAll(async () => {
    workshop = new Workshop(files);
    compiled = await workshop.compile();
    if (files.some(({ kind }) => kind === 'vitest')) tested = await workshop.runTests();
  });
  afterAll(() => workshop.close());

  test.each(titled(['program', 'vitest', 'type-only']))('%s compiles', (_, file) => {
    expect(compiled.get(file)).toEqual([]);
  });

  test.each(titled(['program']))('%s runs', async (_, file) => {
    const { code, signal, stdout, stderr } = await workshop.runProgram(file);
    expect({ code, signal }, stderr).toEqual({ code: 0, signal: null });
    if (file.output !== null) expect(outputDiffers(stdout, file.output)).toBeNull();
  });

  test.each(titled(['vitest']))('%s passes', (_, file) => {
    const result = tested.get(workshop.pathOf(file));
    expect(result?.passed, result?.said).toBeGreaterThan(0);
  });
});

test('links between pages lead to files that are there', () => {
  const broken = pages.flatMap(({ path, text }) =>
    [...text.matchAll(/\]\((?![a-z]+:|#)([^)#\s]+)[^)]*\)/g)]
      .map((match) => match[1] ?? '')
      .filter((target) => !existsSync(join(dirname(path), target)))
      .map((target) => `${path}: ${target}`),
  );
  expect(broken).toEqual([]);
});

test('scripts that pages name are in package.json', () => {
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };
  const named = pages.flatMap(({ path, text }) =>
    [...text.matchAll(/\bnpm (?:run ([\w:-]+)|(start|test)\b)/g)].map((match) => ({
      path,
      script: match[1] ?? match[2] ?? '',
    })),
  );
  expect(named.filter(({ script }) => !(script in scripts))).toEqual([]);
});

test('blocks of one name make up one file, and know their lines on the page', () => {
  const page = parsePage(
    'x.md',
    '# X\n```ts a.ts\none\n```\ntext\n```sh\nls\n```\n```ts a.ts\ntwo\n```\n```text output\nhi\n```\n',
  );
  expect(filesOf(page)).toEqual([
    { page: 'x.md', name: 'a.ts', code: 'one\ntwo\n', kind: 'program', output: 'hi', pageLines: [3, 10] },
  ]);
});

test('a block that imports vitest is a test, type-only is not run, and an output belongs to a program', () => {
  const kindOf = (markdown: string) => filesOf(parsePage('x.md', markdown)).map(({ kind }) => kind);
  expect(kindOf("```ts\nimport { test } from 'vitest';\n```\n")).toEqual(['vitest']);
  expect(kindOf('```ts type-only\nlet x: 1;\n```\n')).toEqual(['type-only']);
  expect(() => kindOf('```text output\nhi\n```\n')).toThrow('x.md:2: output of no program');
  expect(() => kindOf('```ts type-only\n\n```\n```text output\nhi\n```\n')).toThrow('has an output and is no program');
  expect(() => kindOf('```ts\n')).toThrow('does not end');
});

test('an output is compared line by line, and … stands for anything on its line', () => {
  expect(outputDiffers('a 17 ms\nb\n', 'a … ms\nb')).toBeNull();
  expect(outputDiffers('a\n', 'b')).toContain('line 1');
  expect(outputDiffers('a\n', 'a\nb')).toContain('line 2 is missing');
  expect(outputDiffers('a\nb\n', 'a')).toContain('1 lines more');
  expect(outputDiffers('a.c', 'a+c')).toContain('line 1');
});

test('what does not compile or fails is found, with its line on the page', async () => {
  const text =
    "```ts wrong.ts\nconsole.log('still runs');\nconst n: number = 'no';\n```\n```ts\nprocess.exitCode = 3;\n```\n";
  const test_ = "```ts\nimport { expect, test } from 'vitest';\ntest('no', () => expect(1).toBe(2));\n```\n";
  const planted = filesOf(parsePage('planted.md', `${text}${test_}`));
  const [wrong, failing, tests] = planted as [PageFile, PageFile, PageFile];
  const workshop = new Workshop(planted);
  try {
    const compiled = await workshop.compile();
    expect(compiled.get(wrong)?.[0]).toContain('planted.md:3: error TS2322');
    expect(compiled.get(failing)).toEqual([]);
    expect(await workshop.runProgram(failing)).toMatchObject({ code: 3 });
    expect((await workshop.runTests()).get(workshop.pathOf(tests))?.passed).toBe(0);
  } finally {
    workshop.close();
  }
});
