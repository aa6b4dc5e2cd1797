/** Ceilings, openings, names of files, state of modules: what keeps a file readable by itself. */
import { lineFinder, type Finding, type Rule, type Source } from './source.ts';
import { isNode, nameOf, walk, type Node } from './walk.ts';

export const fileLinesMax = 400;
export const functionLinesMax = 70;
const openingNeededFrom = 25;

export const fileLengthRule: Rule = {
  name: 'file-length',
  check({ path, lines }) {
    const count = lines.length - (lines.at(-1) === '' ? 1 : 0);
    return count <= fileLinesMax
      ? []
      : [{ path, line: 1, message: `${count} lines, at most ${fileLinesMax}: it asks to be two` }];
  },
};

export const functionLengthRule: Rule = {
  name: 'function-length',
  check(source) {
    const lineAt = lineFinder(source.text);
    const findings: Finding[] = [];
    walk(source.program, (node, parents) => {
      if (!['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression'].includes(node.type)) return;
      const [first, last] = [lineAt(node.start), lineAt(node.end)];
      const count = last - first + 1;
      if (count <= functionLinesMax || isDescribe(parents.at(-1))) return;
      findings.push({
        path: source.path,
        line: first,
        message: `a function of ${count} lines, at most ${functionLinesMax}`,
      });
    });
    return findings;
  },
};

/** A group of tests is a function by its form alone: `describe(…)`, `describe.skipIf(…)(…)`. */
function isDescribe(parent: Node | undefined): boolean {
  let callee: unknown = parent?.type === 'CallExpression' ? parent['callee'] : undefined;
  while (isNode(callee) && (callee.type === 'CallExpression' || callee.type === 'MemberExpression'))
    callee = callee[callee.type === 'CallExpression' ? 'callee' : 'object'];
  return isNode(callee) && nameOf(callee) === 'describe';
}

export const openingRule: Rule = {
  name: 'opening',
  check({ path, lines, program, comments, isTest }) {
    if (isTest || lines.length <= openingNeededFrom) return [];
    const body: readonly unknown[] = program.body;
    const first = body.find((node) => isNode(node) && node.type !== 'ImportDeclaration');
    const until = isNode(first) ? first.start : Number.POSITIVE_INFINITY;
    const opened = comments.some((comment) => comment.type === 'Block' && comment.start < until);
    return opened
      ? []
      : [{ path, line: 1, message: 'a file opens with a comment: what it is, what it is not, its source' }];
  },
};

const wordsOfNoMeaning = [
  'util',
  'utils',
  'helper',
  'helpers',
  'type',
  'types',
  'common',
  'core',
  'misc',
  'shared',
  'lib',
];

export const fileNameRule: Rule = {
  name: 'file-name',
  check({ path }) {
    const parts = path.split('/').map((part) => part.replace(/(\.(int|bench|test|config|contract))*\.tsx?$/, ''));
    const vague = parts.find((part) => wordsOfNoMeaning.includes(part));
    const message =
      vague !== undefined
        ? `'${vague}' fits everything and finds nothing: name the subject`
        : parts.some((part) => !/^[a-z0-9]+(-[a-z0-9]+)*$/.test(part))
          ? 'names of files are kebab-case'
          : null;
    return message === null ? [] : [{ path, line: 1, message }];
  },
};

const containers = ['Map', 'Set', 'WeakMap', 'WeakSet', 'Array'];
const changing = [
  'set',
  'add',
  'delete',
  'clear',
  'push',
  'pop',
  'shift',
  'unshift',
  'splice',
  'sort',
  'reverse',
  'fill',
];

/** A module of src/ keeps nothing: no `let`, no container that is filled later, no static field that changes. */
export const moduleStateRule: Rule = {
  name: 'module-state',
  check(source) {
    if (!source.path.startsWith('src/') || source.isTest) return [];
    const lineAt = lineFinder(source.text);
    const found = (node: Node, message: string): Finding => ({ path: source.path, line: lineAt(node.start), message });
    const findings: Finding[] = [];
    const constants = new Map<string, Node>();
    for (const { declaration, node } of topLevel(source)) {
      if (declaration['kind'] !== 'const') findings.push(found(node, 'a variable of the module: keep it in an object'));
      for (const one of declaration['declarations'] as readonly Node[]) {
        const name = nameOf(one['id']);
        if (name === undefined) continue;
        constants.set(name, one);
        if (isEmptyContainer(one)) findings.push(found(node, `'${name}' begins empty: keep it in an object`));
      }
    }
    walk(source.program, (node, parents) => {
      const name = changedBy(node);
      if (name !== undefined && constants.has(name) && inFunction(parents)) {
        findings.push(found(node, `changes '${name}', a constant of the module`));
      }
      if (node.type === 'PropertyDefinition' && node['static'] === true && node['readonly'] !== true) {
        findings.push(found(node, 'a static field that can change: make it readonly, or a field of an object'));
      }
    });
    return findings;
  },
};

function* topLevel({ program }: Source): Generator<{ declaration: Node; node: Node }> {
  const body: readonly unknown[] = program.body;
  for (const node of body) {
    if (!isNode(node)) continue;
    const declaration = node.type === 'ExportNamedDeclaration' ? node['declaration'] : node;
    if (isNode(declaration) && declaration.type === 'VariableDeclaration' && declaration['declare'] !== true) {
      yield { declaration, node };
    }
  }
}

function isEmptyContainer(declarator: Node): boolean {
  const value = declarator['init'];
  if (!isNode(value)) return false;
  if (value.type === 'ArrayExpression') return (value['elements'] as readonly unknown[]).length === 0;
  const isContainer = containers.includes(nameOf(value['callee']) ?? '');
  return value.type === 'NewExpression' && isContainer && (value['arguments'] as readonly unknown[]).length === 0;
}

/** The variable that a node changes: `x.set(…)`, `x[…] = …`, `x.y = …`, `x[…]++`. */
function changedBy(node: Node): string | undefined {
  const target =
    node.type === 'AssignmentExpression'
      ? node['left']
      : node.type === 'UpdateExpression'
        ? node['argument']
        : undefined;
  if (isNode(target) && target.type === 'MemberExpression') return nameOf(target['object']);
  const callee = node.type === 'CallExpression' ? node['callee'] : undefined;
  if (!isNode(callee) || callee.type !== 'MemberExpression') return undefined;
  return changing.includes(nameOf(callee['property']) ?? '') ? nameOf(callee['object']) : undefined;
}

const inFunction = (parents: readonly Node[]): boolean =>
  parents.some((node) => /Function|MethodDefinition|StaticBlock/.test(node.type));
