/**
 * What would let two runs of one seed differ, or tie the core to one host: each ban names what to use instead and the
 * places where it is the right thing after all. Bans look at names, so a local variable of a banned name is none.
 */
import { nodeFiles, nodeRooms } from '../layers.ts';
import { lineFinder, type Finding, type Rule, type Source } from './source.ts';
import { dotted, isNode, nameOf, walk, type Node } from './walk.ts';

interface Ban {
  /** `name`: the global itself, however used. `a.b`: that property. `.m`: the method of anything. */
  readonly what: readonly string[];
  readonly use: string;
  /** Beginnings of paths where it is allowed. */
  readonly except: readonly string[];
}

const hosts = [
  ...[...nodeRooms, ...nodeFiles].map((room) => `src/${room}/`),
  ...nodeFiles.map((file) => `src/${file}.ts`),
];
const turn = 'src/sim/turn.ts';
/** The ports of hosts that are no more than the web. */
const web = 'src/server/web-ports.ts';

export const bans: readonly Ban[] = [
  {
    what: ['Date.now', 'Date()', 'performance'],
    use: "the env's clock: clock.now(), clock.wall()",
    except: [...hosts, web],
  },
  {
    what: ['setTimeout', 'setInterval', 'clearTimeout', 'clearInterval'],
    use: "the env's timers",
    except: [...hosts, web],
  },
  {
    what: ['setImmediate', 'clearImmediate', 'MessageChannel', 'scheduler'],
    use: "the env's timers",
    except: [...hosts, turn],
  },
  { what: ['Math.random'], use: "the env's randomness", except: [] },
  { what: ['crypto'], use: "the env's randomness; for sums src/bytes", except: [...hosts, web] },
  {
    what: ['AbortSignal.any', 'AbortSignal.timeout'],
    use: "an AbortController and the env's timers: these are kept alive and fire by the collector and the real clock",
    except: hosts,
  },
  {
    what: ['WeakRef', 'FinalizationRegistry'],
    use: 'an explicit close(): when the collector runs is chance',
    except: [],
  },
  {
    what: [
      'Intl',
      '.localeCompare',
      '.toLocaleString',
      '.toLocaleDateString',
      '.toLocaleTimeString',
      '.toLocaleUpperCase',
      '.toLocaleLowerCase',
    ],
    use: 'an order and a format of our own: those of the host differ',
    except: [],
  },
  {
    what: [
      '.getTimezoneOffset',
      '.getHours',
      '.getDate',
      '.getDay',
      '.getMonth',
      '.getFullYear',
      '.setHours',
      '.setDate',
      '.setMonth',
      '.setFullYear',
    ],
    use: 'the getUTC… or setUTC… of the same name',
    except: [],
  },
  { what: ['Buffer'], use: 'Uint8Array, DataView, TextEncoder', except: hosts },
  {
    what: ['process', 'globalThis', 'require', '__dirname', '__filename', 'global'],
    use: 'a port of env',
    except: hosts,
  },
  {
    what: ['structuredClone'],
    use: 'the codec of values in src/bytes, or a copy by hand',
    except: [...hosts, 'src/sim/'],
  },
  {
    what: ['fetch', 'XMLHttpRequest', 'WebSocket', 'EventSource', 'navigator'],
    use: "the env's fetch or network",
    except: [...hosts, web],
  },
  { what: ['Worker', 'SharedArrayBuffer', 'Atomics', 'BroadcastChannel'], use: "the env's jobs", except: hosts },
  {
    what: ['window', 'document', 'location', 'localStorage', 'sessionStorage', 'indexedDB', 'self'],
    use: 'a port of env',
    except: [],
  },
  {
    what: ['console'],
    use: 'a returned value, an error, or src/observe: a library prints nothing',
    except: ['src/cli/'],
  },
];

/** Tests wait for what happens, they do not sleep; and a test with chance in it names its seed. */
const testBans: readonly Ban[] = [
  { what: ['setTimeout', 'setInterval'], use: 'simulated time, or a promise that what is awaited settles', except: [] },
  { what: ['Math.random'], use: 'fast-check, or SeededRandom', except: [] },
  { what: ['Date.now', 'Date()'], use: 'a fixed time', except: [] },
];

export const globalsRule: Rule = {
  name: 'globals',
  check(source) {
    if (!source.path.startsWith('src/')) return [];
    if (!source.isTest) return findBanned(source, bans);
    return source.path.endsWith('.int.test.ts') ? [] : findBanned(source, testBans);
  },
};

export function findBanned(source: Source, table: readonly Ban[]): readonly Finding[] {
  const banOf = new Map<string, Ban>();
  for (const ban of table) {
    if (!ban.except.some((beginning) => source.path.startsWith(beginning))) {
      for (const what of ban.what) banOf.set(what, ban);
    }
  }
  const lineAt = lineFinder(source.text);
  const declared = declaredNames(source);
  const findings: Finding[] = [];
  walk(source.program, (node, parents) => {
    for (const what of usesOf(node, parents, declared)) {
      const ban = banOf.get(what);
      if (ban !== undefined) {
        findings.push({ path: source.path, line: lineAt(node.start), message: `${what}: use ${ban.use}` });
      }
    }
  });
  return findings;
}

/** What of the global scope a node uses, in the words of the table. */
function usesOf(node: Node, parents: readonly Node[], declared: ReadonlySet<string>): readonly string[] {
  if (node.type === 'MemberExpression') {
    const path = dotted(node);
    const method = node['computed'] === true ? undefined : nameOf(node['property']);
    const global = path === undefined || declared.has(path.slice(0, path.indexOf('.'))) ? [] : [path];
    return [...global, ...(method === undefined ? [] : [`.${method}`]), ...throughGlobalThis(path)];
  }
  const isDate = nameOf(node['callee']) === 'Date' && !declared.has('Date');
  if (node.type === 'NewExpression') return isDate && isEmpty(node['arguments']) ? ['Date()'] : [];
  if (node.type === 'CallExpression') return isDate ? ['Date()'] : [];
  const name = nameOf(node);
  const parent = parents.at(-1);
  return name === undefined || parent === undefined || declared.has(name) || !isValue(node, parent) ? [] : [name];
}

const isEmpty = (value: unknown): boolean => Array.isArray(value) && value.length === 0;

const throughGlobalThis = (path: string | undefined): readonly string[] =>
  path?.startsWith('globalThis.') === true ? [path.slice('globalThis.'.length)] : [];

/** Whether an identifier stands for a value of that name: not a property's name, a key, a label, a part of a type. */
function isValue(node: Node, parent: Node): boolean {
  if (
    parent.type.startsWith('TS') &&
    !['TSAsExpression', 'TSSatisfiesExpression', 'TSNonNullExpression'].includes(parent.type)
  ) {
    return false;
  }
  if (parent['property'] === node && parent['computed'] !== true) return false;
  if (parent['key'] === node && parent['computed'] !== true) return parent['shorthand'] === true;
  return parent['label'] !== node && !['ImportSpecifier', 'ExportSpecifier'].includes(parent.type);
}

/** Every name that the file gives to something of its own. */
function declaredNames(source: Source): ReadonlySet<string> {
  const names = new Set<string>();
  const bind = (pattern: unknown): void => {
    if (Array.isArray(pattern)) return pattern.forEach(bind);
    if (!isNode(pattern)) return;
    const name = nameOf(pattern);
    if (name !== undefined) names.add(name);
    else for (const inner of ['left', 'argument', 'elements', 'properties', 'value', 'parameter']) bind(pattern[inner]);
  };
  walk(source.program, (node) => {
    if (node.type === 'VariableDeclarator') bind(node['id']);
    else if (/Function|ArrowFunction/.test(node.type)) bind([node['id'], node['params']].flat());
    else if (node.type === 'ClassDeclaration' || node.type === 'ClassExpression') bind(node['id']);
    else if (node.type === 'CatchClause') bind(node['param']);
    else if (node.type.startsWith('Import') && node.type.endsWith('Specifier')) bind(node['local']);
  });
  return names;
}
