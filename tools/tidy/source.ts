/**
 * The project's TypeScript, read and parsed once, for the rules in this folder. A rule is a function of one source, or
 * of all, that answers findings; an exception to a rule is written where it is made, as `// tidy: RULE: reason`, at
 * the end of the line or on the line above, and one that excuses nothing is itself a finding.
 */
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { parseSync, type Comment, type Program } from 'oxc-parser';

export interface Source {
  /** From the top of the repository, with `/`. */
  readonly path: string;
  readonly text: string;
  readonly lines: readonly string[];
  readonly program: Program;
  readonly comments: readonly Comment[];
  readonly imports: readonly Import[];
  readonly isTest: boolean;
  /** The folder of `src/` it lies in; null outside of src/ and for src/index.ts. */
  readonly room: string | null;
}

export interface Import {
  /** As it is written. */
  readonly request: string;
  /** The path from the top of the repository where the request is relative, else null. */
  readonly target: string | null;
  readonly typeOnly: boolean;
  readonly line: number;
}

export interface Finding {
  readonly path: string;
  readonly line: number;
  readonly message: string;
}

export interface Rule {
  /** What stands in an exception. */
  readonly name: string;
  check(source: Source, all: ReadonlyMap<string, Source>): readonly Finding[];
}

export function readSources(): ReadonlyMap<string, Source> {
  const paths = globSync(['{src,tools,test,bench,examples,dashboard}/**/*.{ts,tsx}', '*.ts']).toSorted();
  return new Map(paths.map((path) => [path, parseSource(path, readFileSync(path, 'utf8'))]));
}

export function parseSource(path: string, text: string): Source {
  const { program, comments, module, errors } = parseSync(path, text);
  if (errors.length > 0) throw new Error(`${path} does not parse: ${errors[0]?.message}`);
  const lineAt = lineFinder(text);
  const imports: Import[] = [];
  const add = (request: string, start: number, typeOnly: boolean): void => {
    const target = request.startsWith('.') ? normalize(join(dirname(path), request)).replaceAll('\\', '/') : null;
    imports.push({ request, target, typeOnly, line: lineAt(start) });
  };
  for (const one of module.staticImports) {
    const typeOnly = one.entries.length > 0 && one.entries.every((entry) => entry.isType);
    add(one.moduleRequest.value, one.start, typeOnly);
  }
  for (const one of module.staticExports) {
    const from = one.entries.flatMap((entry) => (entry.moduleRequest === null ? [] : [entry.moduleRequest.value]))[0];
    if (from !== undefined)
      add(
        from,
        one.start,
        one.entries.every((entry) => entry.isType),
      );
  }
  for (const one of module.dynamicImports) {
    const written = text.slice(one.moduleRequest.start, one.moduleRequest.end);
    const literal = /^(['"])(.*)\1$/.exec(written)?.[2];
    if (literal !== undefined) add(literal, one.start, false);
  }
  const room = /^src\/([^/]+)\//.exec(path)?.[1] ?? null;
  const lines = text.split('\n');
  return { path, text, lines, program, comments, imports, isTest: path.endsWith('.test.ts'), room };
}

/** The line, from 1, of an offset. */
export function lineFinder(text: string): (offset: number) => number {
  const starts = [0, ...[...text.matchAll(/\n/g)].map((match) => match.index + 1)];
  return (offset) => {
    let [low, high] = [0, starts.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return low + 1;
  };
}

interface Exception {
  readonly rule: string;
  readonly reason: string;
  readonly line: number;
}

/** The findings of all rules, without those that are excused where they stand; and excuses that excuse nothing. */
export function findingsOf(rules: readonly Rule[], sources: ReadonlyMap<string, Source>): readonly Finding[] {
  return [...sources.values()].flatMap((source) => findingsIn(source, rules, sources));
}

function findingsIn(source: Source, rules: readonly Rule[], sources: ReadonlyMap<string, Source>): readonly Finding[] {
  const exceptions = exceptionsIn(source);
  const used = new Set<Exception>();
  const kept: Finding[] = [];
  for (const rule of rules) {
    for (const finding of rule.check(source, sources)) {
      const excuse = exceptions.find((one) => one.rule === rule.name && covers(one, finding, source));
      if (excuse === undefined) kept.push({ ...finding, message: `${rule.name}: ${finding.message}` });
      else used.add(excuse);
    }
  }
  const names = new Set(rules.map((rule) => rule.name));
  for (const one of exceptions) {
    const { path } = source;
    if (!names.has(one.rule)) kept.push({ path, line: one.line, message: `tidy: there is no rule '${one.rule}'` });
    else if (one.reason.length < 10) kept.push({ path, line: one.line, message: 'tidy: an exception says its reason' });
    else if (!used.has(one)) kept.push({ path, line: one.line, message: `tidy: this excuses nothing: ${one.rule}` });
  }
  return kept;
}

/** An exception covers its own line and, when it stands alone on it, the next. */
function covers(exception: Exception, finding: Finding, source: Source): boolean {
  if (exception.line === finding.line) return true;
  const alone = source.lines[exception.line - 1]?.trimStart().startsWith('//') === true;
  return alone && exception.line + 1 === finding.line;
}

function exceptionsIn(source: Source): readonly Exception[] {
  const lineAt = lineFinder(source.text);
  return source.comments.flatMap((comment) => {
    const match = comment.type === 'Line' ? /^ tidy: ([a-z-]+): ?(.*)$/.exec(comment.value) : null;
    return match === null ? [] : [{ rule: match[1] ?? '', reason: match[2] ?? '', line: lineAt(comment.start) }];
  });
}
