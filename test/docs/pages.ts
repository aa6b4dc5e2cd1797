/** The Markdown pages of the repository and the blocks of code in them. CONTRIBUTING.md says what an info string means. */
import { globSync, readFileSync } from 'node:fs';

export interface Page {
  /** From the top of the repository. */
  readonly path: string;
  readonly text: string;
  readonly blocks: readonly Block[];
}

export interface Block {
  /** The first word behind the fence: `ts`, `sh`, `text`. */
  readonly language: string;
  /** The words after it. */
  readonly words: readonly string[];
  /** Of its first line of code, from 1. */
  readonly line: number;
  readonly code: string;
}

export function readPages(): readonly Page[] {
  const paths = globSync(['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'docs/**/*.md']).toSorted();
  return paths.map((path) => parsePage(path, readFileSync(path, 'utf8')));
}

export function parsePage(path: string, text: string): Page {
  const blocks: Block[] = [];
  const lines = text.split('\n');
  for (let at = 0; at < lines.length; at++) {
    const fence = /^(\s*)(`{3,}|~{3,})\s*(.*)$/.exec(lines[at] ?? '');
    if (fence === null) continue;
    const [, indent = '', marks = '', info = ''] = fence;
    const first = at + 1;
    at = lines.findIndex((line, index) => index >= first && line.trim() === marks);
    if (at < 0) throw new Error(`${path}:${first}: the block that begins here does not end`);
    const code = lines.slice(first, at).map((line) => (line.startsWith(indent) ? line.slice(indent.length) : line));
    const [language = '', ...words] = info.split(/\s+/).filter((word) => word !== '');
    blocks.push({ language, words, line: first + 1, code: code.join('\n') });
  }
  return { path, text, blocks };
}

/** Files that a page's blocks make up. */
export interface PageFile {
  readonly page: string;
  /** In the page's own folder. */
  readonly name: string;
  readonly code: string;
  readonly kind: 'program' | 'vitest' | 'type-only';
  /** What it prints, where the page says so. */
  readonly output: string | null;
  /** The line of the page for each line of the file. */
  readonly pageLines: readonly number[];
}

export function filesOf({ path, blocks }: Page): readonly PageFile[] {
  const files = new Map<string, Draft>();
  let last: Draft | null = null;
  for (const [index, block] of blocks.entries()) {
    if (block.language === 'ts') {
      const name = nameOf(block, index);
      const draft: Draft = files.get(name) ?? { code: [], pageLines: [], typeOnly: false, output: null };
      files.set(name, draft);
      last = draft;
      draft.typeOnly ||= block.words.includes('type-only');
      for (const [offset, line] of block.code.split('\n').entries()) {
        draft.code.push(line);
        draft.pageLines.push(block.line + offset);
      }
    } else if (block.language === 'text' && block.words.includes('output')) {
      if (last === null || last.output !== null) throw new Error(`${path}:${block.line}: output of no program`);
      last.output = block.code;
    }
  }
  return [...files].map(([name, draft]) => fileOf(path, name, draft));
}

interface Draft {
  readonly code: string[];
  readonly pageLines: number[];
  typeOnly: boolean;
  output: string | null;
}

function nameOf(block: Block, index: number): string {
  const given = block.words.find((word) => word.endsWith('.ts'));
  if (given !== undefined) return given;
  return importsVitest(block.code) ? `block-${index + 1}.test.ts` : `block-${index + 1}.ts`;
}

const importsVitest = (code: string): boolean => /\bfrom '(?:vitest)'/.test(code);

function fileOf(page: string, name: string, { code, pageLines, typeOnly, output }: Draft): PageFile {
  const text = `${code.join('\n')}\n`;
  const isTest = name.endsWith('.test.ts');
  if (importsVitest(text) && !isTest)
    throw new Error(`${page}: ${name} imports vitest: its name has to end on .test.ts`);
  const kind = typeOnly ? 'type-only' : isTest ? 'vitest' : 'program';
  if (output !== null && kind !== 'program') throw new Error(`${page}: ${name} has an output and is no program`);
  return { page, name, code: text, kind, output, pageLines };
}

/** What is wrong with what was printed; null when it is as the page says. `…` stands for anything on its line. */
export function outputDiffers(printed: string, expected: string): string | null {
  const [real, said] = [printed, expected].map((text) =>
    text
      .trimEnd()
      .split('\n')
      .map((line) => line.trimEnd()),
  );
  if (real === undefined || said === undefined) return 'nothing to compare';
  for (const [index, line] of said.entries()) {
    const pattern = line.split('…').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
    const got = real[index];
    if (got === undefined) return `line ${index + 1} is missing: ${line}`;
    if (!new RegExp(`^${pattern.join('.*')}$`, 'u').test(got))
      return `line ${index + 1} is\n  ${got}\nand the page says\n  ${line}`;
  }
  return real.length > said.length ? `${real.length - said.length} lines more, from: ${real[said.length]}` : null;
}
